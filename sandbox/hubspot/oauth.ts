import { randomBytes, randomUUID } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import type { Context, Hono } from 'hono'
import type { Source } from './model.ts'
import type { Portal } from './portal.ts'

/** The app of a portal, its tokens, and the OAuth endpoints that give them out. */

export type Env = { Bindings: HttpBindings }

/** The app that is installed in the portal: its credentials and who its tokens speak for. */
export interface App {
  clientId: string
  clientSecret: string
  appId: number
  scopes: string[]
}

/** Access tokens of the portal. */
export class Tokens {
  readonly #tokens = new Map<string, { source: Source; expires: number; oauth: boolean }>()
  readonly #refresh = new Map<string, Source>()
  lifetimeMs = 1_800_000

  addFixed(token: string, source: Source): void {
    this.#tokens.set(token, { source, expires: Number.POSITIVE_INFINITY, oauth: false })
  }

  addRefresh(token: string, source: Source): void {
    this.#refresh.set(token, source)
  }

  refresh(token: string, now: number): string | undefined {
    const source = this.#refresh.get(token)
    if (!source) return undefined
    const access = `CN${randomBytes(60).toString('base64url')}`
    this.#tokens.set(access, { source, expires: now + this.lifetimeMs, oauth: true })
    return access
  }

  find(token: string, now: number): Source | undefined {
    const found = this.#tokens.get(token)
    return found && found.expires > now ? found.source : undefined
  }

  /** Whether a token was given out by OAuth; a private app's is fixed. */
  isOauth(token: string): boolean {
    return this.#tokens.get(token)?.oauth === true
  }

  expireAll(): void {
    for (const [token, t] of this.#tokens) if (Number.isFinite(t.expires)) this.#tokens.delete(token)
  }
}

export const json = (c: Context, body: unknown, status: number, headers: Record<string, string> = {}) =>
  c.body(JSON.stringify(body), status as 200, {
    'Content-Type': 'application/json;charset=utf-8',
    ...headers,
  })

/** Adds `/oauth/v1/token` and `/oauth/v1/access-tokens` to a server. */
export function oauth(server: Hono<Env>, portal: Portal, tokens: Tokens, app: App): void {
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
          isPrivateDistribution: false,
        },
        hub_id: portal.id,
        app_id: app.appId,
        expires_in: 1799,
        user_id: source.userId ?? 1,
        token_type: 'access',
        is_private_distribution: false,
      },
      200,
    )
  })
}
