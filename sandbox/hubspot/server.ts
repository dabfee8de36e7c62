import { randomUUID } from 'node:crypto'
import { type Context, Hono } from 'hono'
import type { Faults } from '../faults.ts'
import { HubspotError } from './errors.ts'
import type { Limits } from './limits.ts'
import { type App, type Env, json, oauth, type Tokens } from './oauth.ts'
import type { Portal } from './portal.ts'
import { handle } from './rest/index.ts'

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
    const late = fault?.action === 'land_late'
    const delay = faults.latencyMs + (late ? 0 : (fault?.delayMs ?? 0))
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
    portal.journal.flush()
    c.res.headers.set('Date', new Date(portal.clock.now()).toUTCString())
    if (fault?.action === 'drop_after') return drop(c)
  })

  oauth(server, portal, tokens, app)
  server.all('*', async (c) => {
    const token = (c.req.header('authorization') ?? '').replace(/^Bearer /i, '')
    const source = tokens.find(token, portal.clock.now())
    const correlationId = randomUUID()
    if (!source) return denied(c)
    const url = new URL(c.req.url)
    const isSearch = url.pathname.endsWith('/search')
    const refused = limits.take(isSearch)
    const headers = { ...limits.headers(isSearch, tokens.isOauth(token)), 'X-HubSpot-Correlation-Id': correlationId }
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
        headers,
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
        headers,
      )
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
