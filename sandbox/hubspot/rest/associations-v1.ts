import { HubspotError } from '../errors.ts'
import type { Portal } from '../portal.ts'
import type { AssociationDef } from '../schema.ts'
import { at, input, ok, type Request, type Route } from './route.ts'

/** `/crm-associations/v1`: the first API of associations, which older integrations still speak. */

const V1 = '/crm-associations/v1/associations'
const MAX_PAGE = 100

export const routes: Route[] = [
  [
    'GET',
    at(`${V1}/(\\d+)/HUBSPOT_DEFINED/(\\d+)`),
    (p, r, id, definition) => {
      const { from, to, key } = ends(p, Number(definition))
      const offset = Number(r.query.get('offset') ?? 0)
      const ids = p
        .associated(from, id!, to)
        .filter((a) => a.types.includes(key) && Number(a.id) > offset)
        .map((a) => Number(a.id))
        .sort((a, b) => a - b)
      const page = ids.slice(0, Number(r.query.get('limit') ?? MAX_PAGE))
      return ok({ results: page, hasMore: page.length < ids.length, offset: page.at(-1) ?? 0 })
    },
  ],
  [
    'PUT',
    at(V1),
    (p, r) => {
      const { from, to, given } = link(p, r)
      p.associate(from, String(given.fromObjectId), to, String(given.toObjectId), given.category, given.definitionId, r.source)
      return { status: 204 }
    },
  ],
  [
    'PUT',
    at(`${V1}/delete`),
    (p, r) => {
      const { from, to, given } = link(p, r)
      const only = [{ category: given.category, typeId: given.definitionId }]
      p.dissociate(from, String(given.fromObjectId), to, String(given.toObjectId), only, r.source)
      return { status: 204 }
    },
  ],
]

interface Given {
  fromObjectId: number | string
  toObjectId: number | string
  category: string
  definitionId: number
}

function link(portal: Portal, r: Request) {
  const given = input<Given>(r.body)
  return { ...ends(portal, given.definitionId), given }
}

/** What a definition joins, seen from its own side: type 2 is type 1 from the other end. */
function ends(portal: Portal, id: number): { from: string; to: string; key: string } {
  const is = (d: AssociationDef) => d.category === 'HUBSPOT_DEFINED'
  const forward = portal.associations.find((d) => is(d) && d.typeId === id)
  if (forward) return { from: forward.from, to: forward.to, key: `${forward.category}:${id}` }
  const backward = portal.associations.find((d) => is(d) && d.inverseId === id)
  if (backward) return { from: backward.to, to: backward.from, key: `${backward.category}:${id}` }
  throw new HubspotError(400, 'VALIDATION_ERROR', `invalid association definition ${id}`)
}
