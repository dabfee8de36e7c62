import { HubspotError } from '../errors.ts'
import type { Portal } from '../portal.ts'
import * as account from './account.ts'
import * as associationBatch from './association-batch.ts'
import * as associationTypes from './association-types.ts'
import * as associations from './associations.ts'
import * as associationsV1 from './associations-v1.ts'
import * as batch from './batch.ts'
import * as objects from './objects.ts'
import * as owners from './owners.ts'
import * as pipelines from './pipelines.ts'
import * as properties from './properties.ts'
import type { Answer, Request, Route } from './route.ts'
import * as schemas from './schemas.ts'
import { checkScopes } from './scopes.ts'
import * as search from './search.ts'
import * as users from './users.ts'

const routes: Route[] = [
  objects,
  search,
  batch,
  associations,
  associationBatch,
  associationTypes,
  associationsV1,
  properties,
  pipelines,
  owners,
  users,
  schemas,
  account,
].flatMap((resource) => resource.routes)

/** Answers one request. @throws HubspotError for anything the API would refuse. */
export function handle(portal: Portal, r: Request): Answer {
  checkScopes(portal, r)
  let known = false
  for (const [method, pattern, handler] of routes) {
    const match = pattern.exec(r.path)
    if (!match) continue
    known = true
    if (method === r.method) return handler(portal, r, ...match.slice(1).map(decodeURIComponent))
  }
  throw known ? new HubspotError(405, undefined, 'Method Not Allowed') : new HubspotError(404, undefined, 'Not found')
}
