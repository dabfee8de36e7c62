import { createHash, timingSafeEqual } from 'node:crypto'
import { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { HTTPException } from 'hono/http-exception'
import * as queries from '../../store/queries.ts'
import { EditRefused } from '../../sync/edit.ts'
import { inTransaction } from '../../sync/engine.ts'
import type { App } from '../app.ts'
import { attentionRoutes } from './attention.ts'
import { conflictRoutes } from './conflicts.ts'
import { docsPage } from './docs.ts'
import { matchRoutes } from './matches.ts'
import { mergeRoutes } from './merges.ts'
import { metrics } from './metrics.ts'
import { operationRoutes } from './operations.ts'
import { planRoutes } from './plan.ts'
import { recordRoutes } from './records.ts'
import { registrationRoutes } from './registrations.ts'
import { ApiError } from './respond.ts'
import { undoRoutes } from './undo.ts'
import { verifyRoutes } from './verify.ts'

/** The REST API. Every route is described by its schemas; the OpenAPI document comes from them. */
export function apiApp(app: App, token: string) {
  const api = new OpenAPIHono({
    defaultHook: (result) => {
      if (!result.success) {
        const issue = result.error.issues[0]!
        throw new ApiError(400, 'invalid_request', `${issue.path.join('.') || 'the request'}: ${issue.message}`)
      }
    },
  })

  api.onError((error, c) => {
    if (error instanceof ApiError)
      return c.json(
        {
          error: {
            code: error.code,
            message: error.message,
            ...(error.detail !== undefined && { detail: error.detail }),
          },
        },
        error.status,
      )
    if (error instanceof EditRefused) {
      const status = {
        not_found: 404,
        deleted: 404,
        stale: 412,
        frozen: 409,
        not_frozen: 409,
        conflict: 409,
        settled: 409,
        busy: 409,
        invalid: 400,
      } as const
      return c.json(
        {
          error: {
            code: error.code,
            message: error.message,
            ...(error.present && { detail: { fields: error.present, version: error.version } }),
          },
        },
        status[error.code],
      )
    }
    if (error instanceof HTTPException && error.status < 500)
      return c.json({ error: { code: 'invalid_request', message: error.message || 'the request is wrong' } }, error.status)
    app.log.error({ err: error }, 'API request failed')
    return c.json({ error: { code: 'internal', message: 'something went wrong here; the log says what' } }, 500)
  })
  api.notFound((c) =>
    c.json(
      {
        error: { code: 'not_found', message: `there is no ${c.req.method} ${c.req.path}; see /api/v1/docs` },
      },
      404,
    ),
  )

  // --- open to everybody on this machine ------------------------------------------------------------
  api.get('/healthz', (c) => c.json({ ok: true }))
  api.get('/readyz', async (c) => {
    try {
      await app.db.ping()
      const depth = await app.jobs?.depth()
      return c.json({
        ok: true,
        store: app.db.kind,
        queue: depth ?? null,
        migrations: 'current',
        firstSync: app.firstSyncDone ? 'done' : 'running',
      })
    } catch (error) {
      return c.json({ ok: false, reason: (error as Error).message }, 503)
    }
  })

  // --- the bearer token -----------------------------------------------------------------------------
  const expected = createHash('sha256').update(token).digest()
  const guard = async (c: Context, next: () => Promise<void>) => {
    const given = createHash('sha256')
      .update((c.req.header('authorization') ?? '').replace(/^Bearer /i, ''))
      .digest()
    if (!timingSafeEqual(given, expected))
      throw new ApiError(
        401,
        'unauthorized',
        'send the header Authorization: Bearer TOKEN; the token is in the file `token` of the data folder',
      )
    await next()
  }
  api.use('/metrics', guard)
  api.use('/api/v1/*', async (c, next) =>
    c.req.path === '/api/v1/docs' || c.req.path === '/api/v1/openapi.json' ? next() : guard(c, next),
  )
  api.use(
    '/api/v1/*',
    bodyLimit({
      maxSize: 2_000_000,
      onError: () => {
        throw new ApiError(413, 'too_large', 'the body is larger than 2 MB')
      },
    }),
  )
  api.use('/api/v1/*', idempotency(app))
  api.get('/metrics', async (c) => c.text(await metrics(app)))
  api.get('/api/v1/docs', (c) => c.html(docsPage(document() as unknown as Parameters<typeof docsPage>[0])))
  api.get('/api/v1/openapi.json', (c) => c.json(document()))

  recordRoutes(api, app)
  conflictRoutes(api, app)
  attentionRoutes(api, app)
  matchRoutes(api, app)
  mergeRoutes(api, app)
  registrationRoutes(api, app)
  planRoutes(api, app)
  undoRoutes(api, app)
  operationRoutes(api, app)
  verifyRoutes(api, app)
  const document = () =>
    api.getOpenAPIDocument({
      openapi: '3.1.0',
      info: {
        title: 'Concordat',
        version: '0.1.0',
        description: 'Keeps Salesforce, HubSpot and a canonical partner model in agreement.',
      },
      security: [{ bearer: [] }],
    })
  api.openAPIRegistry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' })
  return api
}

/** A POST with an Idempotency-Key is done once; a repeat gets the first answer. */
function idempotency(app: App) {
  return async (c: Context, next: () => Promise<void>) => {
    const given = c.req.header('idempotency-key')
    if (c.req.method !== 'POST' || !given) return next()
    if (given.length > 200) throw new ApiError(400, 'invalid_request', 'an Idempotency-Key has at most 200 characters')
    const request = createHash('sha256')
      .update(`${c.req.path}\n${await c.req.text()}`)
      .digest('hex')
    const earlier = await inTransaction(app.engine, (tx) => queries.idempotent(tx, given))
    if (earlier && earlier.request !== request)
      throw new ApiError(422, 'idempotency_mismatch', 'this Idempotency-Key was used for another request')
    if (earlier) return c.json(earlier.body as object, earlier.status as 200)
    await next()
    if (c.res.status < 500) {
      const body = await c.res.clone().text()
      await inTransaction(app.engine, (tx) => queries.remember(tx, given, request, c.res.status, body || 'null'))
    }
  }
}
