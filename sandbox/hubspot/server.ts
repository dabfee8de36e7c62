import { randomBytes, randomUUID } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import type { Faults } from '../faults.ts'
import { HubspotError } from './errors.ts'
import type { Limits } from './limits.ts'
import type { Portal, Source } from './portal.ts'
import { handle } from './rest/index.ts'

type Env = { Bindings: HttpBindings }

/** The app that is installed in the portal: its credentials and who its tokens speak for. */
export interface App {
  clientId: string
  clientSecret: string
  appId: number
  scopes: string[]
}

/** Access tokens of the portal. */
export class Tokens {
  readonly #tokens = new Map<string, { source: Source; expires: number }>()
  readonly #refresh = new Map<string, Source>()
  lifetimeMs = 1_800_000

  addFixed(token: string, source: Source): void {
    this.#tokens.set(token, { source, expires: Number.POSITIVE_INFINITY })
  }

  addRefresh(token: string, source: Source): void {
    this.#refresh.set(token, source)
  }

  refresh(token: string, now: number): string | undefined {
    const source = this.#refresh.get(token)
    if (!source) return undefined
    const access = `CN${randomBytes(60).toString('base64url')}`
    this.#tokens.set(access, { source, expires: now + this.lifetimeMs })
    return access
  }

  find(token: string, now: number): Source | undefined {
    const found = this.#tokens.get(token)
    return found && found.expires > now ? found.source : undefined
  }

  expireAll(): void {
    for (const [token, t] of this.#tokens) if (Number.isFinite(t.expires)) this.#tokens.delete(token)
  }
}

const json = (c: Context, body: unknown, status: number, headers: Record<string, string> = {}) =>
  c.body(JSON.stringify(body), status as 200, {
    'Content-Type': 'application/json;charset=utf-8',
    ...headers,
  })

/** The HTTP face of a portal: OAuth and the CRM API. */
export function hubspotServer(portal: Portal, tokens: Tokens, app: App, limits: Limits, faults: Faults): Hono<Env> {
  const server = new Hono<Env>()
  const denied = (c: Context) =>
    json(
      c,
      {
        status: 'error',
        message:
          'Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview',
        correlationId: randomUUID(),
        category: 'INVALID_AUTHENTICATION',
      },
      401,
    )

  server.use(async (c, next) => {
    const url = new URL(c.req.url)
    const fault = faults.next('hubspot', c.req.method, url.pathname + url.search)
    const delay = faults.latencyMs + (fault?.delayMs ?? 0)
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay))
    const correlationId = randomUUID()
    switch (fault?.action) {
      case 'drop_before':
        return drop(c)
      case 'server_error':
        return json(c, { status: 'error', message: 'internal error', correlationId }, 502)
      case 'lock':
        return json(c, { status: 'error', message: 'The object is locked', correlationId, category: 'LOCKED' }, 423)
      case 'rate_limit':
        return json(
          c,
          {
            status: 'error',
            message: 'You have reached your ten_secondly_rolling limit.',
            errorType: 'RATE_LIMIT',
            correlationId,
            policyName: 'TEN_SECONDLY_ROLLING',
            category: 'RATE_LIMITS',
          },
          429,
        )
      case 'quota':
        return json(
          c,
          {
            status: 'error',
            message: 'You have reached your daily limit.',
            errorType: 'RATE_LIMIT',
            correlationId,
            policyName: 'DAILY',
            category: 'RATE_LIMITS',
          },
          429,
        )
      case 'unauthorized':
        return denied(c)
    }
    await next()
    portal.journal.flush()
    c.res.headers.set('Date', new Date(portal.clock.now()).toUTCString())
    if (fault?.action === 'drop_after') return drop(c)
  })

  server.post('/oauth/v1/token', async (c) => {
    const form = new URLSearchParams(await c.req.text())
    if (form.get('grant_type') !== 'refresh_token')
      return json(c, { status: 'BAD_GRANT_TYPE', message: 'grant type not supported', correlationId: randomUUID() }, 400)
    if (form.get('client_secret') !== app.clientSecret)
      return json(
        c,
        {
          status: 'BAD_CLIENT_SECRET',
          message: 'missing or invalid client secret',
          correlationId: randomUUID(),
        },
        400,
      )
    const refresh = form.get('refresh_token') ?? ''
    const access = tokens.refresh(refresh, portal.clock.now())
    if (!access)
      return json(
        c,
        {
          status: 'BAD_REFRESH_TOKEN',
          message: 'missing or invalid refresh token',
          correlationId: randomUUID(),
        },
        400,
      )
    return json(
      c,
      {
        token_type: 'bearer',
        refresh_token: refresh,
        access_token: access,
        expires_in: tokens.lifetimeMs / 1000,
      },
      200,
    )
  })
  server.get('/oauth/v1/access-tokens/:token', (c) => {
    const source = tokens.find(c.req.param('token'), portal.clock.now())
    if (!source)
      return json(
        c,
        {
          status: 'error',
          message: 'token not found',
          correlationId: randomUUID(),
          category: 'OBJECT_NOT_FOUND',
        },
        404,
      )
    return json(
      c,
      {
        token: c.req.param('token'),
        user: 'admin@example.com',
        hub_domain: 'sandbox.example.com',
        scopes: app.scopes,
        signed_access_token: {
          expiresAt: portal.clock.now() + 1_800_000,
          scopes: '',
          hubId: portal.id,
          userId: source.userId ?? 1,
          appId: app.appId,
          signature: '',
          scopeToScopeGroupPks: '',
          newSignature: '',
          hublet: 'na1',
          trialScopes: '',
          trialScopeToScopeGroupPks: '',
          isUserLevel: false,
          installingUserId: 1,
          isServiceAccount: false,
        },
        hub_id: portal.id,
        app_id: app.appId,
        expires_in: 1799,
        user_id: source.userId ?? 1,
        token_type: 'access',
      },
      200,
    )
  })

  server.all('*', async (c) => {
    const token = (c.req.header('authorization') ?? '').replace(/^Bearer /i, '')
    const source = tokens.find(token, portal.clock.now())
    const correlationId = randomUUID()
    if (!source) return denied(c)
    const url = new URL(c.req.url)
    const isSearch = url.pathname.endsWith('/search')
    const refused = limits.take(isSearch)
    if (refused === 'SECONDLY')
      return json(
        c,
        {
          status: 'error',
          message: 'You have reached your secondly limit.',
          correlationId,
          category: 'RATE_LIMITS',
        },
        429,
      )
    if (refused)
      return json(
        c,
        {
          status: 'error',
          message: `You have reached your ${refused.toLowerCase()} limit.`,
          errorType: 'RATE_LIMIT',
          correlationId,
          policyName: refused,
          requestId: randomUUID(),
        },
        429,
        limits.headers(false),
      )
    const headers = { ...limits.headers(isSearch), 'X-HubSpot-Correlation-Id': correlationId }
    try {
      const answer = handle(portal, {
        method: c.req.method,
        path: url.pathname.replace(/(.)\/$/, '$1'),
        query: url.searchParams,
        body: await bodyOf(c),
        source,
      })
      return answer.body === undefined
        ? c.body(null, answer.status as 204, headers)
        : json(c, answer.body, answer.status, headers)
    } catch (error) {
      if (!(error instanceof HubspotError)) throw error
      return json(c, error.toBody(correlationId), error.status, headers)
    }
  })
  return server
}

function drop(c: Context<Env>): Response {
  c.env.incoming.socket.destroy()
  return new Response(null, { status: 500 })
}

async function bodyOf(c: Context): Promise<unknown> {
  if (c.req.method === 'GET' || c.req.method === 'DELETE') return undefined
  const text = await c.req.text()
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw new HubspotError(400, 'VALIDATION_ERROR', 'Invalid input JSON on line 1, column 1')
  }
}
