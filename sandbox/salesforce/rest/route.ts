import { SalesforceError } from '../errors.ts'
import type { Org } from '../org.ts'
import type { Session } from '../session.ts'

/** What every resource of the REST API is made of: a request apart from HTTP, an answer, a route. */

/** One REST request, apart from HTTP: composite sub-requests take the same way. */
export interface Request {
  method: string
  /** Path below /services/data/vXX.0, without query. */
  path: string
  version: string
  query: URLSearchParams
  headers: Record<string, string | undefined>
  body: unknown
  session: Session
}

export interface Answer {
  status: number
  body?: unknown
  /** Text body with its content type, for CSV. */
  text?: string
  contentType?: string
  headers?: Record<string, string>
}

export type Handler = (org: Org, r: Request, ...parts: string[]) => Answer

/** Method, path and handler; a request goes to the first that fits. */
export type Route = [method: string, path: RegExp, handler: Handler]

export const ok = (body: unknown, status = 200): Answer => ({ status, body })
export const record = (body: unknown): Record<string, unknown> => {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new SalesforceError('JSON_PARSER_ERROR', 'The HTTP entity body is required, but this request has no entity body.')
  return body as Record<string, unknown>
}
