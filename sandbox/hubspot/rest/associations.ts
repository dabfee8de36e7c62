import { HubspotError } from '../errors.ts'
import type { Source } from '../model.ts'
import type { Portal } from '../portal.ts'
import { typeByName, typeEntry, typeName } from './association-types.ts'
import { batchAnswer } from './batch-body.ts'
import { found, rendered } from './records.ts'
import { type Answer, at, input, ok, type Request, type Route } from './route.ts'

/** Associations of one record: `/crm/v4/objects/{type}/{id}/associations/...`. */

export const routes: Route[] = [
  ['GET', at(`(?:/crm/v[34]/objects|/crm/objects/20\\d\\d-\\d\\d)/([^/]+)/([^/]+)/associations/([^/]+)`), associationsOf],
  [
    'PUT',
    at(`/crm/v[34]/objects/([^/]+)/([^/]+)/associations/default/([^/]+)/([^/]+)`),
    (p, r, from, id, to, toId) => {
      associateDefault(p, from!, id!, to!, toId!, r.source)
      return ok(defaultAnswer(p, from!, id!, to!, toId!))
    },
  ],
  [
    'PUT',
    at(`/crm/v[34]/objects/([^/]+)/([^/]+)/associations/([^/]+)/([^/]+)`),
    (p, r, from, id, to, toId) => {
      for (const t of input<{ associationCategory: string; associationTypeId: number }[]>(r.body))
        p.associate(from!, id!, to!, toId!, t.associationCategory, t.associationTypeId, r.source)
      return ok(labelsAnswer(p, from!, id!, to!, toId!), 201)
    },
  ],
  [
    'PUT',
    at(`/crm/v3/objects/([^/]+)/([^/]+)/associations/([^/]+)/([^/]+)/([^/]+)`),
    (p, r, from, id, to, toId, name) => {
      const t = typeByName(p, from!, to!, name!)
      p.associate(from!, id!, to!, toId!, t.category, t.typeId, r.source)
      return ok(rendered(p, from!, found(p, from!, id!)))
    },
  ],
  [
    'DELETE',
    at(`/crm/v[34]/objects/([^/]+)/([^/]+)/associations/([^/]+)/([^/]+)(?:/[^/]+)?`),
    (p, r, from, id, to, toId) => {
      p.dissociate(from!, id!, to!, toId!, undefined, r.source)
      return { status: 204 }
    },
  ],
]

function associationsOf(portal: Portal, r: Request, from?: string, id?: string, to?: string): Answer {
  const obj = found(portal, from!, id!)
  const all = portal.associated(from!, obj.id, to!)
  if (r.path.startsWith('/crm/v3'))
    return ok({
      results: all.flatMap((a) =>
        a.types.map((t) => ({
          id: a.id,
          type: typeName(portal, portal.table(from!).def.name, portal.table(to!).def.name, t),
        })),
      ),
    })
  const limit = Number(r.query.get('limit') ?? 500)
  const start = Math.max(0, r.query.get('after') ? all.findIndex((a) => a.id === r.query.get('after')) : 0)
  const page = all.slice(start, start + limit)
  const next = all[start + limit]
  return ok({
    results: page.map((a) => ({
      toObjectId: Number(a.id),
      associationTypes: a.types.map((t) => typeEntry(portal, from!, to!, t)),
    })),
    ...(next && { paging: { next: { after: next.id, link: '' } } }),
  })
}

export function labelsAnswer(
  portal: Portal,
  from: string,
  id: string,
  to: string,
  toId: string,
  types?: { associationCategory: string; associationTypeId: number }[],
) {
  const [a, b] = [portal.table(from).def, portal.table(to).def]
  const labels = (types ?? [])
    .map((t) => typeEntry(portal, from, to, `${t.associationCategory}:${t.associationTypeId}`).label)
    .filter((l) => l !== null)
  return {
    fromObjectTypeId: a.typeId,
    fromObjectId: Number(id),
    toObjectTypeId: b.typeId,
    toObjectId: Number(toId),
    labels,
  }
}

export function associateDefault(portal: Portal, from: string, id: string, to: string, toId: string, source: Source): void {
  const plain = portal.associationTypes(from, to).find((t) => t.label === null)
  if (!plain) throw new HubspotError(400, 'VALIDATION_ERROR', `No default association between ${from} and ${to}`)
  portal.associate(from, id, to, toId, plain.category, plain.typeId, source)
}

export function defaultAnswer(portal: Portal, from: string, id: string, to: string, toId: string) {
  const both = [
    [from, id, to, toId],
    [to, toId, from, id],
  ] as const
  return batchAnswer(
    portal,
    both.map(([f, i, t, ti]) => ({
      from: { id: String(i) },
      to: { id: String(ti) },
      associationSpec: {
        associationCategory: 'HUBSPOT_DEFINED',
        associationTypeId: portal.associationTypes(f, t).find((x) => x.label === null)?.typeId,
      },
    })),
  )
}
