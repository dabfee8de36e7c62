import { HubspotError } from '../errors.ts'
import { at, ok, type Route } from './route.ts'

/** `/settings/v3/users`: the people who may log in; those of the sandbox are its owners. */

export const routes: Route[] = [
  [
    'GET',
    at('/settings/v3/users'),
    (p) =>
      ok({
        results: [...p.owners.values()]
          .filter((o) => o.active)
          .map((o, i) => ({
            id: String(o.userId),
            email: o.email,
            firstName: o.firstName,
            lastName: o.lastName,
            roleIds: [],
            superAdmin: i === 0,
          })),
      }),
  ],
  [
    'DELETE',
    at('/settings/v3/users/(\\d+)'),
    (p, _, id) => {
      const owner = [...p.owners.values()].find((o) => String(o.userId) === id)
      if (!owner) throw new HubspotError(404, 'OBJECT_NOT_FOUND', `User ${id} does not exist`)
      owner.active = false
      return { status: 204 }
    },
  ],
]
