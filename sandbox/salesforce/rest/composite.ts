import { SalesforceError } from '../errors.ts'
import type { Org } from '../org.ts'
import { type Answer, ok, type Request, type Route, record } from './route.ts'

/** `/composite`, `/composite/batch` and `/composite/graph`: several requests in one. */

/** Answers one request: what sub-requests are handed back to. */
type Run = (org: Org, r: Request) => Answer

export const composites = (handle: Run): Route[] => [
  ['POST', /^\/composite$/, (org, r) => composite(handle, org, r)],
  ['POST', /^\/composite\/batch$/, (org, r) => batch(handle, org, r)],
  ['POST', /^\/composite\/graph$/, (org, r) => graph(handle, org, r)],
]

interface SubRequest {
  method: string
  url: string
  body?: unknown
  referenceId?: string
  httpHeaders?: Record<string, string>
}

/** Replaces @{ref.path} in texts of a sub-request by values of earlier answers. */
function substitute<T>(value: T, answers: Map<string, unknown>): T {
  const text = JSON.stringify(value)
  if (text === undefined || !text.includes('@{')) return value
  return JSON.parse(
    text.replace(/@\{([^}]+)\}/g, (whole, path: string) => {
      const [ref, ...keys] = path.split('.') as [string, ...string[]]
      let current: unknown = answers.get(ref)
      for (const key of keys)
        current = key
          .split(/[[\]]/)
          .filter(Boolean)
          .reduce<unknown>((o, k) => (o as Record<string, unknown> | undefined)?.[k], current)
      if (current === undefined)
        throw new SalesforceError('PROCESSING_HALTED', `Invalid reference specified. No value for ${path} found in ${ref}`)
      return JSON.stringify(String(current)).slice(1, -1) || whole
    }),
  ) as T
}

/** Runs one sub-request of a composite; its errors are its answer. */
function sub(handle: Run, org: Org, parent: Request, request: SubRequest): Answer {
  try {
    const url = new URL(request.url, 'http://local')
    const match = /^(?:\/services\/data)?\/v([\d.]+)(\/.*)?$/.exec(url.pathname)
    if (!match) throw new SalesforceError('NOT_FOUND', 'The requested resource does not exist', { status: 404 })
    const headers = Object.fromEntries(Object.entries(request.httpHeaders ?? {}).map(([k, v]) => [k.toLowerCase(), v]))
    return handle(org, {
      method: request.method.toUpperCase(),
      path: match[2] ?? '',
      version: match[1]!,
      query: url.searchParams,
      headers,
      body: request.body,
      session: parent.session,
    })
  } catch (error) {
    if (error instanceof SalesforceError) return { status: error.status, body: error.toBody() }
    throw error
  }
}

function composite(handle: Run, org: Org, r: Request): Answer {
  const { compositeRequest, allOrNone = false } = record(r.body) as {
    compositeRequest?: SubRequest[]
    allOrNone?: boolean
  }
  if (!Array.isArray(compositeRequest)) throw new SalesforceError('JSON_PARSER_ERROR', 'compositeRequest is required')
  if (compositeRequest.length > 25)
    throw new SalesforceError(
      'LIMIT_EXCEEDED',
      `Limit exceeded: a composite request holds at most 25 subrequests, got ${compositeRequest.length}`,
    )
  if (compositeRequest.filter((c) => /\/query(All)?[/?]/.test(c.url)).length > 5)
    throw new SalesforceError('LIMIT_EXCEEDED', 'Limit exceeded: a composite request holds at most 5 query subrequests')
  const answers = new Map<string, unknown>()
  const results: {
    body: unknown
    httpHeaders: Record<string, string>
    httpStatusCode: number
    referenceId: string | undefined
  }[] = []
  let failed = false
  for (const request of compositeRequest) {
    let answer: Answer
    try {
      if (failed && allOrNone)
        throw new SalesforceError(
          'PROCESSING_HALTED',
          'The transaction was rolled back since another operation in the same transaction failed.',
        )
      const { referenceId: _, ...rest } = request
      answer = sub(handle, org, r, substitute(rest, answers))
    } catch (error) {
      if (!(error instanceof SalesforceError)) throw error
      answer = { status: error.status, body: error.toBody() }
    }
    failed ||= answer.status >= 400
    if (request.referenceId) answers.set(request.referenceId, answer.body)
    results.push({
      body: answer.body ?? null,
      httpHeaders: answer.headers ?? {},
      httpStatusCode: answer.status,
      referenceId: request.referenceId,
    })
  }
  return ok({ compositeResponse: results })
}

function batch(handle: Run, org: Org, r: Request): Answer {
  const { batchRequests = [] } = record(r.body) as {
    batchRequests?: { method: string; url: string; richInput?: unknown }[]
  }
  if (batchRequests.length > 25) throw new SalesforceError('LIMIT_EXCEEDED', 'Limit exceeded: a batch holds at most 25 requests')
  const results = batchRequests.map((b) =>
    sub(handle, org, r, {
      method: b.method,
      url: b.url.startsWith('/') ? b.url : `/services/data/${b.url}`,
      body: b.richInput,
    }),
  )
  return ok({
    hasErrors: results.some((x) => x.status >= 400),
    results: results.map((x) => ({ statusCode: x.status, result: x.body ?? null })),
  })
}

function graph(handle: Run, org: Org, r: Request): Answer {
  const { graphs = [] } = record(r.body) as { graphs?: { graphId: string; compositeRequest: SubRequest[] }[] }
  return ok({
    graphs: graphs.map((g) => {
      const answer = composite(handle, org, {
        ...r,
        body: { compositeRequest: g.compositeRequest.slice(0, 25), allOrNone: true },
      })
      const graphResponse = answer.body as { compositeResponse: { httpStatusCode: number }[] }
      return {
        graphId: g.graphId,
        graphResponse,
        isSuccessful: graphResponse.compositeResponse.every((c) => c.httpStatusCode < 400),
      }
    }),
  })
}
