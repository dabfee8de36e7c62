import { createHash, timingSafeEqual } from 'node:crypto'
import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { sql } from 'kysely'
import { parse } from 'yaml'
import { mappingJsonSchema } from '../../mappings/mapping.ts'
import { type Entity, entityFieldsSchema, entitySchema } from '../../mappings/model/model.ts'
import type { Value } from '../../mappings/model/value.ts'
import { dropDeadLetters } from '../../store/conflicts.ts'
import { rows } from '../../store/database.ts'
import * as queries from '../../store/queries.ts'
import { touchOutboxLinks } from '../../store/queues.ts'
import { laneState } from '../../sync/drain.ts'
import { createRecord, deleteRecord, EditRefused, editRecord } from '../../sync/edit.ts'
import { inTransaction } from '../../sync/engine.ts'
import { verify } from '../../sync/verify.ts'
import type { App } from '../app.ts'
import { checkMapping } from '../mapping-check.ts'
import { summarise } from '../summary.ts'
import { docsPage } from './docs.ts'
import { metrics } from './metrics.ts'
import { projectRecord } from './view.ts'

/** The REST API. Every route is described by its schemas; the OpenAPI document comes from them. */

const problem = z
  .object({ error: z.object({ code: z.string(), message: z.string(), detail: z.unknown().optional() }) })
  .openapi('Problem')
const anyObject = z.record(z.string(), z.unknown())
const list = z.object({ items: z.array(anyObject), next: z.string().nullable() }).openapi('List')
const json = (schema: z.ZodType, description: string) => ({
  description,
  content: { 'application/json': { schema } },
})
const errors = { 400: json(problem, 'The request is wrong'), 404: json(problem, 'There is no such thing') }
const page = z.object({
  cursor: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
})
const id = z.object({ id: z.uuid() })
const uuid = z.uuid()

/** An answer that is no success. */
class ApiError extends Error {
  readonly status: 400 | 401 | 404 | 409 | 412 | 413 | 422 | 503
  readonly code: string
  readonly detail: unknown
  constructor(status: ApiError['status'], code: string, message: string, detail?: unknown) {
    super(message)
    this.status = status
    this.code = code
    this.detail = detail
  }
}

export function apiApp(app: App, token: string) {
  const { engine } = app
  const api = new OpenAPIHono({
    defaultHook: (result) => {
      if (!result.success) {
        const issue = result.error.issues[0]!
        throw new ApiError(400, 'invalid_request', `${issue.path.join('.') || 'the request'}: ${issue.message}`)
      }
    },
  })
  const inTx = <T>(work: Parameters<typeof inTransaction<T>>[1]) => inTransaction(engine, work)

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
      const status = { not_found: 404, deleted: 404, stale: 412, frozen: 409, conflict: 409 } as const
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

  // --- records --------------------------------------------------------------------------------------
  const entityFields = (entity: Entity, fields: unknown): Record<string, Value> => {
    const parsed = entityFieldsSchema(entity).strict().safeParse(fields)
    if (parsed.success) return parsed.data as Record<string, Value>
    const issue = parsed.error.issues[0]!
    throw new ApiError(
      400,
      'invalid_field',
      issue.code === 'unrecognized_keys'
        ? `${entity} has no field ${issue.keys.join(', ')}`
        : `${issue.path.join('.')}: ${issue.message}`,
    )
  }
  const nudgeAll = () => {
    for (const rt of engine.runtimes) engine.nudge(rt.id, 'push')
  }
  const version = (c: Context) => {
    const header = c.req.header('if-match')
    if (header === undefined) return undefined
    const n = Number(header.replace(/^W\//, '').replaceAll('"', ''))
    if (!Number.isInteger(n)) throw new ApiError(400, 'invalid_version', "If-Match holds the record's version, a whole number")
    return n
  }

  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/records',
      summary: 'Records, with search',
      request: { query: page.extend({ entity: entitySchema.optional(), q: z.string().optional() }) },
      responses: { 200: json(list, 'Records') },
    }),
    async (c) => {
      const { entity, q, cursor, limit } = c.req.valid('query')
      if (cursor && !uuid.safeParse(cursor).success)
        throw new ApiError(400, 'invalid_cursor', 'use the `next` of an earlier answer as cursor')
      const found = await inTx((tx) => queries.listRecords(tx, { entity, q, cursor, limit }))
      return c.json({ items: found.map((r) => projectRecord(r)), next: found.length === limit ? found.at(-1)!.id : null }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/records',
      summary: 'Create a record; the CRMs follow',
      request: {
        body: {
          content: { 'application/json': { schema: z.object({ entity: entitySchema, fields: anyObject }) } },
        },
      },
      responses: { 201: json(anyObject, 'The record'), ...errors },
    }),
    async (c) => {
      const { entity, fields } = c.req.valid('json')
      const values = entityFields(entity, fields)
      const made = await inTx(async (tx) => (await queries.findRecord(tx, await createRecord(tx, engine, entity, values)))!)
      nudgeAll()
      return c.json(projectRecord(made), 201)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/records:batch',
      summary: 'Up to 500 creates and edits, each with its own result',
      request: {
        body: {
          content: {
            'application/json': {
              schema: z.object({
                operations: z
                  .array(
                    z.object({
                      op: z.enum(['create', 'update', 'delete']),
                      id: z.uuid().optional(),
                      entity: entitySchema.optional(),
                      version: z.number().int().optional(),
                      fields: anyObject.optional(),
                    }),
                  )
                  .max(500),
              }),
            },
          },
        },
      },
      responses: {
        200: json(z.object({ results: z.array(anyObject) }), 'One result per operation, in order'),
        ...errors,
      },
    }),
    async (c) => {
      const results: Record<string, unknown>[] = []
      for (const [index, op] of c.req.valid('json').operations.entries()) {
        try {
          results.push(
            await inTx(async (tx) => {
              if (op.op === 'create')
                return {
                  index,
                  ok: true,
                  id: await createRecord(tx, engine, required(op.entity, 'entity'), entityFields(op.entity!, op.fields ?? {})),
                }
              const target = required(op.id, 'id')
              if (op.op === 'delete') {
                await deleteRecord(tx, target, op.version)
                return { index, ok: true, id: target }
              }
              const record = await queries.findRecord(tx, target)
              if (!record) throw new EditRefused('not_found', `there is no record ${target}`)
              return {
                index,
                ok: true,
                id: target,
                version: await editRecord(tx, target, op.version, entityFields(record.entity as Entity, op.fields ?? {})),
              }
            }),
          )
        } catch (error) {
          if (!(error instanceof ApiError || error instanceof EditRefused)) throw error
          results.push({ index, ok: false, error: { code: error.code, message: error.message } })
        }
      }
      nudgeAll()
      return c.json({ results }, 200)
    },
  )
  const required = <T>(value: T | undefined, name: string): T => {
    if (value === undefined) throw new ApiError(400, 'invalid_request', `${name} is missing`)
    return value
  }
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/records/{id}',
      summary: 'One record with its links and whether each field agrees',
      request: { params: id },
      responses: { 200: json(anyObject, 'The record'), ...errors },
    }),
    async (c) => {
      const { id: wanted } = c.req.valid('param')
      const found = await inTx(async (tx) => {
        const target = (await queries.redirectOf(tx, wanted)) ?? wanted
        const record = await queries.findRecord(tx, target)
        const writes = (connection: string, field: string) =>
          app
            .runtime(connection)
            ?.mappings.find((m) => m.entity === record?.entity)
            ?.byName.get(field)?.writes ?? true
        return record && projectRecord(record, await queries.linksView(tx, target), writes)
      })
      if (!found) throw new ApiError(404, 'not_found', `there is no record ${wanted}`)
      return c.json(found, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'patch',
      path: '/api/v1/records/{id}',
      summary: 'Edit fields; If-Match: version refuses a stale edit',
      request: {
        params: id,
        body: { content: { 'application/json': { schema: z.object({ fields: anyObject }) } } },
      },
      responses: {
        200: json(anyObject, 'The record'),
        412: json(problem, 'The record has changed; its present values are in detail'),
        ...errors,
      },
    }),
    async (c) => {
      const { id: target } = c.req.valid('param')
      const record = await inTx(async (tx) => {
        const present = await queries.findRecord(tx, target)
        if (!present) throw new EditRefused('not_found', `there is no record ${target}`)
        await editRecord(tx, target, version(c), entityFields(present.entity as Entity, c.req.valid('json').fields))
        return (await queries.findRecord(tx, target))!
      })
      nudgeAll()
      return c.json(projectRecord(record), 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'delete',
      path: '/api/v1/records/{id}',
      summary: 'Delete a record and, by policy, its rows in the CRMs',
      request: { params: id },
      responses: { 204: { description: 'Deleted' }, ...errors },
    }),
    async (c) => {
      await inTx((tx) => deleteRecord(tx, c.req.valid('param').id, version(c)))
      nudgeAll()
      return c.body(null, 204)
    },
  )
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/records/{id}/journal',
      summary: 'Every change of a record and every write made for it',
      request: {
        params: id,
        query: z.object({
          limit: z.coerce.number().int().min(1).max(500).default(100),
          before: z.coerce.number().optional(),
        }),
      },
      responses: { 200: json(anyObject, 'The journal'), ...errors },
    }),
    async (c) => {
      const { id: target } = c.req.valid('param')
      const { limit, before } = c.req.valid('query')
      return c.json(
        await inTx(async (tx) => ({
          changes: await queries.journalOf(tx, target, limit, before),
          writes: await queries.writesOf(tx, target, limit),
        })),
        200,
      )
    },
  )

  // --- what a person looks after --------------------------------------------------------------------
  const listing = (
    path: string,
    summary: string,
    query: z.ZodObject,
    read: (q: { cursor?: string | undefined; limit: number; [key: string]: unknown }) => Promise<Record<string, unknown>[]>,
  ) =>
    api.openapi(
      createRoute({
        method: 'get',
        path,
        summary,
        request: { query },
        responses: { 200: json(list, summary) },
      }),
      async (c) => {
        const q = c.req.valid('query') as { cursor?: string; limit: number }
        const found = await read(q)
        return c.json(
          {
            items: found,
            next: found.length === q.limit && 'id' in (found.at(-1) ?? {}) ? String(found.at(-1)!.id) : null,
          },
          200,
        )
      },
    )
  listing('/api/v1/conflicts', 'Conflicts', page.extend({ state: z.enum(['open', 'settled']).default('open') }), (q) =>
    inTx((tx) => queries.listConflicts(tx, String(q.state), q.limit, q.cursor)),
  )
  listing(
    '/api/v1/matches',
    'Possible duplicates and ambiguous links, for review',
    page.extend({ state: z.string().optional() }),
    (q) => inTx((tx) => queries.listMatches(tx, q.state as string | undefined, q.limit, q.cursor)),
  )
  listing('/api/v1/dead-letters', 'Values that a CRM refused', page, (q) =>
    inTx((tx) => queries.listDeadLetters(tx, q.limit, q.cursor)),
  )
  listing('/api/v1/runs', 'Runs', page, (q) => inTx((tx) => queries.listRuns(tx, q.limit)))
  listing('/api/v1/findings', 'What mappings and CRMs do not agree on', page, () => inTx((tx) => queries.listFindings(tx)))
  listing('/api/v1/brakes', 'Deletes and clears that wait for approval', page, () => inTx((tx) => queries.listBrakes(tx)))

  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/brakes:approve',
      summary: 'Let braked deletes and clears go on',
      request: {
        body: {
          content: {
            'application/json': {
              schema: z.object({ connection: z.string().optional(), entity: entitySchema.optional() }),
            },
          },
        },
      },
      responses: { 200: json(z.object({ approved: z.number() }), 'How many') },
    }),
    async (c) => {
      const { connection, entity } = c.req.valid('json')
      const approved = await inTx((tx) => queries.approveBrakes(tx, connection, entity))
      nudgeAll()
      return c.json({ approved }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/dead-letters/{id}/retry',
      summary: 'Send a refused value again',
      request: { params: id },
      responses: { 200: json(anyObject, 'Queued'), ...errors },
    }),
    async (c) => {
      const target = c.req.valid('param').id
      await inTx(async (tx) => {
        const [letter] = await rows(tx, sql<{ linkId: string }>`select link_id as "linkId" from dead_letter where id = ${target}`)
        if (!letter) throw new ApiError(404, 'not_found', `there is no dead letter ${target}`)
        await dropDeadLetters(tx, [target])
        await touchOutboxLinks(tx, [letter.linkId])
      })
      nudgeAll()
      return c.json({ queued: true }, 200)
    },
  )
  for (const [path, paused] of [
    ['/api/v1/pause', true],
    ['/api/v1/resume', false],
  ] as const) {
    api.openapi(
      createRoute({
        method: 'post',
        path,
        summary: paused ? 'Stop writes' : 'Let writes go on',
        request: {
          body: {
            content: {
              'application/json': {
                schema: z.object({
                  scope: z.string().default('all'),
                  reason: z.string().default('paused by a person'),
                }),
              },
            },
          },
        },
        responses: { 200: json(anyObject, 'What is paused now'), ...errors },
      }),
      async (c) => {
        const { scope, reason } = c.req.valid('json')
        const known = ['all', ...entitySchema.options, ...engine.runtimes.map((r) => r.name)]
        if (!known.includes(scope) && engine.runtimes.length > 0)
          throw new ApiError(
            400,
            'unknown_scope',
            `"${scope}" is neither a connection nor an entity; known are ${known.join(', ')}`,
          )
        const now = await inTx(async (tx) => {
          await queries.setPause(tx, scope, paused, reason)
          return queries.pauses(tx)
        })
        app.log.warn({ scope }, paused ? 'writes paused' : 'writes resumed')
        if (!paused) nudgeAll()
        return c.json({ paused: now }, 200)
      },
    )
  }
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/lanes/{id}/run',
      summary: 'Give a lane its turn now; id is CONNECTION:pull or CONNECTION:push',
      request: { params: z.object({ id: z.string() }) },
      responses: { 202: json(anyObject, 'Queued'), ...errors },
    }),
    (c) => {
      const [name = '', direction = 'pull'] = c.req.valid('param').id.split(':')
      const rt = app.runtime(name)
      if (!rt || (direction !== 'pull' && direction !== 'push'))
        throw new ApiError(
          404,
          'not_found',
          `there is no lane ${c.req.valid('param').id}; lanes are ${engine.runtimes.flatMap((r) => [`${r.name}:pull`, `${r.name}:push`]).join(', ')}`,
        )
      engine.nudge(rt.id, direction)
      return c.json({ queued: true }, 202)
    },
  )

  // --- status, verify, connections, mappings --------------------------------------------------------
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/status',
      summary: 'Where everything stands',
      responses: { 200: json(anyObject, 'Status') },
    }),
    async (c) => c.json(await status(app), 200),
  )
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/verify',
      summary: 'The last verification',
      responses: { 200: json(anyObject, 'Verification'), ...errors },
    }),
    async (c) => {
      const last = await inTx(queries.lastVerification)
      if (!last) throw new ApiError(404, 'not_found', 'nothing has been verified yet; POST /api/v1/verify does it')
      return c.json({ at: last.at, ...last.summary, differences_: last.differences }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/verify',
      summary: 'Read both CRMs completely and compare',
      responses: { 200: json(anyObject, 'Verification'), 503: json(problem, 'No CRM is connected') },
    }),
    async (c) => {
      if (engine.runtimes.length === 0) throw new ApiError(503, 'no_connection', 'no CRM is connected in this process')
      const { list: differences, ...summary } = await verify(engine)
      return c.json({ ...summary, list: differences }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/summary',
      summary: 'Records per entity, calls, open questions',
      responses: { 200: json(anyObject, 'Summary') },
    }),
    async (c) => c.json((await summarise(app)) as unknown as Record<string, unknown>, 200),
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/connections/{name}/writes',
      summary: 'Switch writing to a CRM on or off',
      request: {
        params: z.object({ name: z.string() }),
        body: { content: { 'application/json': { schema: z.object({ enabled: z.boolean() }) } } },
      },
      responses: { 200: json(anyObject, 'Done'), ...errors },
    }),
    async (c) => {
      const { name } = c.req.valid('param')
      const { enabled } = c.req.valid('json')
      if (!(await app.setWrites(name, enabled))) throw new ApiError(404, 'not_found', `there is no connection "${name}"`)
      return c.json({ name, writesEnabled: enabled }, 200)
    },
  )
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/mappings',
      summary: 'The active mappings',
      responses: { 200: json(anyObject, 'Mappings') },
    }),
    (c) =>
      c.json(
        {
          mappings: engine.runtimes.flatMap((rt) =>
            rt.mappings.map((m) => ({ connection: rt.name, entity: m.entity, document: m.document })),
          ),
        },
        200,
      ),
  )
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/mappings/schema',
      summary: 'JSON Schema of mapping documents',
      responses: { 200: json(anyObject, 'Schema') },
    }),
    (c) => c.json(mappingJsonSchema() as Record<string, unknown>, 200),
  )
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/mappings:check',
      summary: 'Check a mapping document against the CRM it is for',
      request: { body: { content: { 'application/json': { schema: z.object({ yaml: z.string() }) } } } },
      responses: { 200: json(anyObject, 'Findings'), ...errors },
    }),
    async (c) => {
      let document: unknown
      try {
        document = parse(c.req.valid('json').yaml)
      } catch (error) {
        throw new ApiError(400, 'invalid_yaml', `the mapping is no YAML: ${(error as Error).message.split('\n')[0]}`)
      }
      return c.json({ findings: await checkMapping(app, document) }, 200)
    },
  )
  if (app.sandbox) {
    api.openapi(
      createRoute({
        method: 'get',
        path: '/api/v1/sandbox',
        summary: 'Addresses and tokens of the two local CRMs',
        responses: { 200: json(anyObject, 'Sandbox') },
      }),
      (c) => {
        const { salesforce: s, hubspot: h, controlUrl } = app.sandbox!.info
        return c.json(
          {
            salesforce: { instanceUrl: s.instanceUrl, loginUrl: s.loginUrl, accessToken: s.personToken },
            hubspot: { baseUrl: h.baseUrl, accessToken: h.personToken, clientSecret: h.clientSecret },
            controlUrl,
          },
          200,
        )
      },
    )
  }
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

/** Where everything stands: lanes, pauses, open questions. */
async function status(app: App) {
  const { engine } = app
  const lanes = await Promise.all(engine.runtimes.map((rt) => laneState(engine, rt)))
  return inTransaction(engine, async (tx) => ({
    store: app.db.kind,
    queue: app.config.redisUrl ? 'redis' : app.db.kind,
    upSeconds: Math.round((Date.now() - app.startedAt) / 1000),
    firstSync: app.firstSyncDone ? 'done' : 'running',
    connections: engine.runtimes.map((rt) => ({
      name: rt.name,
      kind: rt.kind,
      sandbox: rt.sandbox,
      account: rt.account.name,
      calls: rt.budget.used,
      day: rt.budget.day ?? null,
    })),
    lanes,
    paused: await queries.pauses(tx),
    brakes: await queries.listBrakes(tx),
    ...(await queries.totals(tx)),
    records: await queries.entityCounts(tx),
    pending: await queries.pendingWrites(tx),
  }))
}
