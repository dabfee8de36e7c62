import { HubspotError } from '../errors.ts'
import type { Portal } from '../portal.ts'
import { renderOwner } from '../render.ts'
import { type Answer, at, ok, type Request, type Route } from './route.ts'

/** `/crm/v3/owners`. */

export const routes: Route[] = [
  ['GET', at('/crm/v3/owners/?'), owners],
  [
    'GET',
    at('/crm/v3/owners/(\\d+)'),
    (p, r, id) => {
      const o = [...p.owners.values()].find((x) => (r.query.get('idProperty') === 'userId' ? String(x.userId) : x.id) === id)
      if (!o) throw new HubspotError(404, 'OBJECT_NOT_FOUND', 'resource not found')
      return ok(renderOwner(o))
    },
  ],
]

function owners(portal: Portal, r: Request): Answer {
  const archived = r.query.get('archived') === 'true'
  const email = r.query.get('email')
  const limit = Math.min(500, Number(r.query.get('limit') ?? 100))
  const after = Number(r.query.get('after') ?? 0)
  const all = [...portal.owners.values()].filter((o) => o.active !== archived && (!email || o.email === email))
  const page = all.slice(after, after + limit)
  const more = after + limit < all.length
  return ok({
    results: page.map(renderOwner),
    ...(more && {
      paging: {
        next: {
          after: String(after + limit),
          link: `https://api.hubapi.com/crm/v3/owners/?after=${after + limit}`,
        },
      },
    }),
  })
}
