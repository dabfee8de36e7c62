import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import type { Faults } from '../faults.ts'
import { SalesforceError } from './errors.ts'
import { metadata } from './metadata.ts'
import type { Org } from './org.ts'
import { handle } from './rest/index.ts'
import type { Session, Sessions } from './session.ts'
import { soap } from './soap.ts'

type Env = { Bindings: HttpBindings }

const VERSIONS = Array.from({ length: 48 }, (_, i) => 20 + i)
const seasonOf = (n: number) =>
  `${['Winter', 'Spring', 'Summer'][(n + 2) % 3]} '${String(Math.floor((n + 13) / 3)).padStart(2, '0')}`
export const REST_VERSIONS = VERSIONS.map((n) => ({
  label: seasonOf(n),
  url: `/services/data/v${n}.0`,
  version: `${n}.0`,
}))

const json = (c: Context, body: unknown, status: number) =>
  c.body(JSON.stringify(body), status as 200, { 'Content-Type': 'application/json;charset=UTF-8' })
const refuse = (error: string, error_description: string) => ({ error, error_description })

/** The HTTP face of an org: OAuth, REST and SOAP. */
export function salesforceServer(org: Org, sessions: Sessions, faults: Faults): Hono<Env> {
  const app = new Hono<Env>()

  app.use(async (c, next) => {
    const url = new URL(c.req.url)
    const fault = faults.next('salesforce', c.req.method, url.pathname + url.search)
    const late = fault?.action === 'land_late'
    const delay = faults.latencyMs + (late ? 0 : (fault?.delayMs ?? 0))
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay))
    if (fault?.action === 'drop_before') return drop(c)
    if (fault?.action === 'server_error')
      return json(
        c,
        [
          {
            message: 'An unexpected error occurred. Please include this ErrorId if you contact support',
            errorCode: 'UNKNOWN_EXCEPTION',
          },
        ],
        500,
      )
    if (fault?.action === 'rate_limit' || fault?.action === 'quota')
      return json(c, [{ message: 'TotalRequests Limit exceeded.', errorCode: 'REQUEST_LIMIT_EXCEEDED' }], 403)
    if (fault?.action === 'unauthorized')
      return json(c, [{ message: 'Session expired or invalid', errorCode: 'INVALID_SESSION_ID' }], 401)
    if (late) {
      // Its body is read before the connection breaks; it takes effect when nobody waits for it any more.
      await c.req.arrayBuffer()
      drop(c)
      faults.landing++
      await new Promise((resolve) => setTimeout(resolve, fault.delayMs ?? 0))
    }
    try {
      await next()
    } finally {
      if (late) faults.landing--
    }
    org.journal.flush()
    c.res.headers.set('Date', new Date(org.clock.now()).toUTCString())
    if (fault?.action === 'drop_after') return drop(c)
  })

  app.post('/services/oauth2/token', async (c) => {
    const form = new URLSearchParams(await c.req.text())
    const answer = token(org, sessions, form)
    if ('error' in answer) return json(c, answer, 400)
    const origin = new URL(c.req.url).origin
    return json(c, { ...answer, instance_url: origin, id: `${origin}/id/${org.id}/${answer.user}`, user: undefined }, 200)
  })
  app.on(['GET', 'POST'], '/services/oauth2/revoke', async (c) => {
    const given = c.req.query('token') ?? new URLSearchParams(await c.req.text()).get('token') ?? ''
    return sessions.revoke(given)
      ? c.body('', 200)
      : json(c, refuse('unsupported_token_type', 'this token type is not supported'), 400)
  })
  app.get('/services/data', (c) => json(c, REST_VERSIONS, 200))

  const authorised = (c: Context<Env>): Session | undefined => {
    const header = c.req.header('authorization') ?? ''
    const session = sessions.find(header.replace(/^(Bearer|OAuth) /i, ''))
    return (
      session && {
        ...session,
        client: /client=([^,;]+)/.exec(c.req.header('sforce-call-options') ?? '')?.[1],
      }
    )
  }

  app.on(['GET', 'POST'], ['/services/oauth2/userinfo', '/id/:org/:user'], (c) => {
    const session = authorised(c)
    if (!session) return json(c, [{ message: 'Session expired or invalid', errorCode: 'INVALID_SESSION_ID' }], 401)
    return json(c, userInfo(org, session, new URL(c.req.url).origin), 200)
  })

  app.post('/services/Soap/*', async (c) => {
    org.calls.used++
    const { pathname, origin } = new URL(c.req.url)
    const text = await c.req.text()
    const answer = pathname.includes('/Soap/m/') ? metadata(org, sessions, text) : soap(org, sessions, text, origin)
    return c.body(answer.xml, answer.status as 200, { 'Content-Type': 'text/xml; charset=utf-8' })
  })

  app.all('/services/data/:version/*', rest)
  app.all('/services/data/:version', rest)
  app.notFound((c) => json(c, [{ message: 'The requested resource does not exist', errorCode: 'NOT_FOUND' }], 404))
  return app

  async function rest(c: Context<Env>): Promise<Response> {
    const session = authorised(c)
    if (!session) return json(c, [{ message: 'Session expired or invalid', errorCode: 'INVALID_SESSION_ID' }], 401)
    org.calls.used++
    const limit = { 'Sforce-Limit-Info': `api-usage=${org.calls.used}/${org.calls.limit}` }
    if (org.calls.used > org.calls.limit)
      return json(c, [{ message: 'TotalRequests Limit exceeded.', errorCode: 'REQUEST_LIMIT_EXCEEDED' }], 403)
    const url = new URL(c.req.url)
    const [, version = '', path = ''] = /^\/services\/data\/v([\d.]+)(.*)$/.exec(url.pathname) ?? []
    try {
      if (!REST_VERSIONS.some((v) => v.version === version))
        throw new SalesforceError('NOT_FOUND', 'The requested resource does not exist', { status: 404 })
      const answer = handle(org, {
        method: c.req.method,
        path,
        version,
        query: url.searchParams,
        headers: c.req.header(),
        body: await bodyOf(c),
        session,
      })
      const headers = { ...limit, ...answer.headers }
      if (answer.text !== undefined)
        return c.body(answer.text, answer.status as 200, {
          ...headers,
          'Content-Type': answer.contentType ?? 'text/plain',
        })
      if (answer.body === undefined) return c.body(null, answer.status as 204, headers)
      return c.body(JSON.stringify(answer.body), answer.status as 200, {
        ...headers,
        'Content-Type': 'application/json;charset=UTF-8',
      })
    } catch (error) {
      if (!(error instanceof SalesforceError)) throw error
      return c.body(JSON.stringify(error.toBody()), error.status as 400, {
        ...limit,
        'Content-Type': 'application/json;charset=UTF-8',
      })
    }
  }
}

/** Ends the connection without an answer: the client cannot know whether the write took effect. */
function drop(c: Context<Env>): Response {
  c.env.incoming.socket.destroy()
  return new Response(null, { status: 500 })
}

async function bodyOf(c: Context): Promise<unknown> {
  if (c.req.method === 'GET' || c.req.method === 'DELETE') return undefined
  const text = await c.req.text()
  if ((c.req.header('content-type') ?? '').includes('csv')) return text
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw new SalesforceError('JSON_PARSER_ERROR', `Unexpected character at [line:1, column:1]: ${text.slice(0, 20)}`)
  }
}

function token(
  org: Org,
  sessions: Sessions,
  form: URLSearchParams,
):
  | { error: string; error_description: string }
  | {
      access_token: string
      refresh_token?: string
      signature: string
      scope: string
      token_type: string
      issued_at: string
      user: string
    } {
  const done = (accessToken: string, user: string, refreshToken?: string) => ({
    access_token: accessToken,
    ...(refreshToken && { refresh_token: refreshToken }),
    signature: 'c2FuZGJveHNpZ25hdHVyZQ==',
    scope: 'refresh_token api',
    token_type: 'Bearer',
    issued_at: String(org.clock.now()),
    user,
  })
  const grant = form.get('grant_type')
  switch (grant) {
    case 'refresh_token': {
      const fresh = sessions.refresh(form.get('refresh_token') ?? '')
      if (!fresh) return refuse('invalid_grant', 'expired access/refresh token')
      return done(fresh.accessToken, sessions.find(fresh.accessToken)!.user, fresh.refreshToken)
    }
    case 'client_credentials':
    case 'urn:ietf:params:oauth:grant-type:jwt-bearer': {
      const claims = grant === 'client_credentials' ? undefined : decodeJwt(form.get('assertion') ?? '')
      if (grant !== 'client_credentials' && !claims) return refuse('invalid_grant', 'invalid assertion')
      if (claims && Number(claims.exp) * 1000 < org.clock.now()) return refuse('invalid_grant', 'assertion is expired')
      const users = [...org.table('User').rows.values()]
      const user = claims ? users.find((u) => u.values.Username === claims.sub) : users[0]
      if (!user) return refuse('invalid_grant', "user hasn't approved this consumer")
      return done(sessions.grant({ user: user.id }).accessToken, user.id)
    }
    case 'password': {
      const user = [...org.table('User').rows.values()].find((u) => u.values.Username === form.get('username'))
      if (!user) return refuse('invalid_grant', 'authentication failure')
      return done(sessions.grant({ user: user.id }).accessToken, user.id)
    }
    case 'authorization_code':
      return refuse('invalid_grant', 'expired authorization code')
    default:
      return refuse('unsupported_grant_type', 'grant type not supported')
  }
}

function decodeJwt(assertion: string): Record<string, unknown> | undefined {
  const payload = assertion.split('.')[1]
  if (!payload) return undefined
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
  } catch {
    return undefined
  }
}

function userInfo(org: Org, session: Session, origin: string) {
  const user = org.row('User', session.user)
  const v = user?.values ?? {}
  return {
    sub: `${origin}/id/${org.id}/${session.user}`,
    user_id: session.user,
    organization_id: org.id,
    preferred_username: v.Username,
    nickname: String(v.Username ?? '').split('@')[0],
    name: v.Name,
    email: v.Email,
    email_verified: true,
    given_name: v.FirstName ?? null,
    family_name: v.LastName,
    zoneinfo: 'America/Los_Angeles',
    photos: { picture: `${origin}/profilephoto/005/F`, thumbnail: `${origin}/profilephoto/005/T` },
    profile: `${origin}/${session.user}`,
    picture: `${origin}/profilephoto/005/F`,
    address: {},
    active: true,
    is_app_installed: true,
    urls: {
      enterprise: `${origin}/services/Soap/c/{version}/${org.id}`,
      metadata: `${origin}/services/Soap/m/{version}/${org.id}`,
      partner: `${origin}/services/Soap/u/{version}/${org.id}`,
      rest: `${origin}/services/data/v{version}/`,
      sobjects: `${origin}/services/data/v{version}/sobjects/`,
      search: `${origin}/services/data/v{version}/search/`,
      query: `${origin}/services/data/v{version}/query/`,
      recent: `${origin}/services/data/v{version}/recent/`,
      profile: `${origin}/services/data/v{version}/sobjects/User/${session.user}`,
    },
    user_type: 'STANDARD',
    language: 'en_US',
    locale: 'en_US',
    utcOffset: -28800000,
    updated_at: '2026-01-01T00:00:00Z',
  }
}
