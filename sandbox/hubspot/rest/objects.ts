import { HubspotError } from '../errors.ts'
import type { Obj } from '../model.ts'
import type { Portal } from '../portal.ts'
import { type RecordBody, readRenderer } from '../record-body.ts'
import type { TypeDef } from '../schema.ts'
import { associationsInline } from './association-types.ts'
import { createOne, found, rendered } from './records.ts'
import { type Answer, at, input, names, OBJECTS, ok, type Request, type Route } from './route.ts'

/** `/crm/v3/objects/{type}`: list, read, create, change, archive and merge single records. */

export const routes: Route[] = [
  ['GET', at(`${OBJECTS}/([^/]+)`), list],
  ['POST', at(`${OBJECTS}/([^/]+)`), (p, r, type) => ok(rendered(p, type!, createOne(p, type!, input(r.body), r.source)), 201)],
  [
    'POST',
    at(`${OBJECTS}/([^/]+)/merge`),
    (p, r, type) => {
      const { primaryObjectId, objectIdToMerge } = input<{
        primaryObjectId: string
        objectIdToMerge: string
      }>(r.body)
      return ok(rendered(p, type!, p.merge(type!, primaryObjectId, objectIdToMerge, r.source)))
    },
  ],
  ['GET', at(`${OBJECTS}/([^/]+)/([^/]+)`), getOne],
  [
    'PATCH',
    at(`${OBJECTS}/([^/]+)/([^/]+)`),
    (p, r, type, id) =>
      ok(
        rendered(
          p,
          type!,
          p.update(
            type!,
            found(p, type!, id!, r.query.get('idProperty')).id,
            input<{ properties: Record<string, unknown> }>(r.body).properties ?? {},
            r.source,
          ),
          Object.keys(input<{ properties: Record<string, unknown> }>(r.body).properties ?? {}),
        ),
      ),
  ],
  [
    'DELETE',
    at(`${OBJECTS}/([^/]+)/([^/]+)`),
    (p, r, type, id) => {
      p.archive(type!, id!, r.source)
      return { status: 204 }
    },
  ],
]

/** The complete reader: by id, live or archived, with associations. */
function list(portal: Portal, r: Request, type?: string): Answer {
  const table = portal.table(type!)
  const limit = Number(r.query.get('limit') ?? 10)
  const history = names(r, 'propertiesWithHistory')
  const max = history.length > 0 ? 50 : 100
  if (!(limit >= 1 && limit <= max))
    throw new HubspotError(400, 'VALIDATION_ERROR', `Invalid limit: must be between 1 and ${max}`)
  const archived = r.query.get('archived') === 'true'
  const after = r.query.get('after')
  const associations = names(r, 'associations')
  const render = readRenderer(portal, table.def, names(r, 'properties'), history)
  const results: unknown[] = []
  let next: string | undefined
  for (const obj of table.order.from(after && /^\d+$/.test(after) ? after : undefined)) {
    if (obj.archived !== archived) continue
    if (results.length === limit) {
      next = obj.id
      break
    }
    results.push(withAssociations(portal, table.def, obj, associations, render(obj)))
  }
  const link = `https://api.hubapi.com${r.path}?limit=${limit}&after=${next}`
  return ok({ results, ...(next && { paging: { next: { after: next, link } } }) })
}

function getOne(portal: Portal, r: Request, type?: string, id?: string): Answer {
  const table = portal.table(type!)
  const idProperty = r.query.get('idProperty')
  const obj = idProperty && idProperty !== 'hs_object_id' ? portal.byUnique(type!, idProperty, id!) : portal.resolve(type!, id!)
  const archived = r.query.get('archived') === 'true'
  if (!obj || obj.archived !== archived) throw new HubspotError(404, 'OBJECT_NOT_FOUND', 'resource not found')
  const body = readRenderer(portal, table.def, names(r, 'properties'), names(r, 'propertiesWithHistory'))(obj)
  return ok(withAssociations(portal, table.def, obj, names(r, 'associations'), body))
}

function withAssociations(portal: Portal, def: TypeDef, obj: Obj, types: string[], body: RecordBody): RecordBody {
  const links = types.length > 0 && associationsInline(portal, def, obj.id, types)
  return links ? { ...body, associations: links } : body
}
