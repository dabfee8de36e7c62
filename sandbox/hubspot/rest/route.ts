import { HubspotError } from '../errors.ts'
import type { Source } from '../model.ts'
import type { Portal } from '../portal.ts'

/** What every resource of the API is made of: a request apart from HTTP, an answer, a route. */

/** One API request, apart from HTTP. */
export interface Request {
  method: string
  path: string
  query: URLSearchParams
  body: unknown
  source: Source
}

export interface Answer {
  status: number
  body?: unknown
}

export type Handler = (portal: Portal, r: Request, ...parts: string[]) => Answer

/** Method, path and handler; a request goes to the first that fits. */
export type Route = [method: string, path: RegExp, handler: Handler]

export const ok = (body: unknown, status = 200): Answer => ({ status, body })
export const input = <T>(body: unknown): T => {
  if (typeof body !== 'object' || body === null)
    throw new HubspotError(
      400,
      'VALIDATION_ERROR',
      'Invalid input JSON on line 1, column 1: No content to map due to end-of-input',
    )
  return body as T
}
// Paths of v3 and v4, and of the date versions, whose date comes after the family.
export const OBJECTS = '(?:/crm/v3/objects|/crm/objects/20\\d\\d-\\d\\d)'
export const ASSOCIATIONS = '(?:/crm/v[34]/associations|/crm/associations/20\\d\\d-\\d\\d)'
export const PROPERTIES = '(?:/crm/v3/properties|/crm/properties/20\\d\\d-\\d\\d)'
export const SCHEMAS = '(?:/crm/v3/schemas|/crm-object-schemas/v3/schemas|/crm-object-schemas/20\\d\\d-\\d\\d/schemas)'
export const at = (pattern: string) => new RegExp(`^${pattern}$`)

/** Values of a query parameter that may be repeated or comma-separated. */
export const names = (r: Request, key: string) =>
  r.query
    .getAll(key)
    .flatMap((x) => x.split(','))
    .filter(Boolean)
