import { HubspotError } from '../errors.ts'
import type { Obj } from '../model.ts'
import type { Portal } from '../portal.ts'
import { renderObject } from '../render.ts'
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
  const results: unknown[] = []
  let next: string | undefined
  const associations = names(r, 'associations')
  for (const obj of listFrom(portal, table.def.name, after)) {
    if (obj.archived !== archived) continue
    if (results.length === limit) {
      next = obj.id
      break
    }
    const body = renderObject(portal, table.def, obj, { properties: names(r, 'properties'), history })
    const links = associationsInline(portal, table.def, obj.id, associations)
    results.push(links ? { ...body, associations: links } : body)
  }
  const link = `https://api.hubapi.com${r.path}?limit=${limit}&after=${next}`
  return ok({ results, ...(next && { paging: { next: { after: next, link } } }) })
}

/** Records in id order from an id on. Ids are given in rising order, so insertion order is nearly it. */
const orders = new WeakMap<object, { size: number; ids: string[] }>()
function* listFrom(portal: Portal, type: string, after: string | null): Generator<Obj> {
  const { objects } = portal.table(type)
  let order = orders.get(objects)
  if (!order || order.size !== objects.size) {
    order = { size: objects.size, ids: [...objects.keys()].sort((a, b) => Number(a) - Number(b)) }
    orders.set(objects, order)
  }
  const { ids } = order
  let lo = 0
  let hi = ids.length
  while (after && lo < hi) {
    const mid = (lo + hi) >> 1
    if (Number(ids[mid]) < Number(after)) lo = mid + 1
    else hi = mid
  }
  for (let i = lo; i < ids.length; i++) {
    const obj = objects.get(ids[i]!)
    if (obj) yield obj
  }
}

function getOne(portal: Portal, r: Request, type?: string, id?: string): Answer {
  const table = portal.table(type!)
  const idProperty = r.query.get('idProperty')
  const obj = idProperty && idProperty !== 'hs_object_id' ? portal.byUnique(type!, idProperty, id!) : portal.resolve(type!, id!)
  const archived = r.query.get('archived') === 'true'
  if (!obj || obj.archived !== archived) throw new HubspotError(404, 'OBJECT_NOT_FOUND', 'resource not found')
  const body = renderObject(portal, table.def, obj, {
    properties: names(r, 'properties'),
    history: names(r, 'propertiesWithHistory'),
  })
  const links = associationsInline(portal, table.def, obj.id, names(r, 'associations'))
  return ok(links ? { ...body, associations: links } : body)
}
