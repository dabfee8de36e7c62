import * as bulk from '../bulk.ts'
import { SalesforceError } from '../errors.ts'
import type { Org } from '../org.ts'
import * as collections from './collections.ts'
import { composites } from './composite.ts'
import * as describes from './describes.ts'
import * as limits from './limits.ts'
import * as listviews from './listviews.ts'
import * as query from './query.ts'
import * as records from './records.ts'
import * as replication from './replication.ts'
import type { Answer, Request, Route } from './route.ts'
import * as search from './search.ts'

// `updated` and `deleted` of an object come before its records: they look like ids.
const routes: Route[] = [
  ...[describes, replication, listviews, records, query, limits, search, collections, bulk].flatMap(
    (resource) => resource.routes,
  ),
  ...composites(handle),
]

/** Answers one request. @throws SalesforceError for anything the API would refuse. */
export function handle(org: Org, r: Request): Answer {
  const path = r.path.length > 1 ? r.path.replace(/\/$/, '') : r.path === '/' ? '' : r.path
  let known = false
  for (const [method, pattern, handler] of routes) {
    const match = pattern.exec(path)
    if (!match) continue
    known = true
    if (method === r.method) return handler(org, r, ...match.slice(1))
  }
  if (known)
    throw new SalesforceError('METHOD_NOT_ALLOWED', `HTTP Method '${r.method}' not allowed. Allowed are HEAD,GET,POST`, {
      status: 405,
    })
  throw new SalesforceError('NOT_FOUND', 'The requested resource does not exist', { status: 404 })
}
