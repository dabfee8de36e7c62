import { HubspotError } from '../errors.ts'
import type { Portal } from '../portal.ts'
import { readRenderer } from '../record-body.ts'
import { type SearchRequest, search } from '../search.ts'
import { type Answer, at, input, OBJECTS, ok, type Request, type Route } from './route.ts'

/** `/crm/v3/objects/{type}/search`. */

export const routes: Route[] = [['POST', at(`${OBJECTS}/([^/]+)/search`), runSearch]]

function runSearch(portal: Portal, r: Request, type?: string): Answer {
  const request = input<SearchRequest>(r.body)
  if (JSON.stringify(request).length > 3000)
    throw new HubspotError(400, 'VALIDATION_ERROR', 'The request body is larger than 3000 characters')
  const { def } = portal.table(type!)
  const { total, results, after } = search(portal, type!, request)
  return ok({
    total,
    results: results.map(readRenderer(portal, def, request.properties)),
    ...(after && { paging: { next: { after } } }),
  })
}
