import { isoTime } from '../../time.ts'
import { HubspotError } from '../errors.ts'
import type { Portal } from '../portal.ts'
import { renderProperty } from '../render.ts'
import { type PropertyDef, property, type TypeDef } from '../schema.ts'
import { batchAnswer } from './batch-body.ts'
import { at, input, ok, PROPERTIES, type Route } from './route.ts'

/** `/crm/v3/properties/{type}` and its groups. */

export const routes: Route[] = [
  [
    'GET',
    at(`${PROPERTIES}/([^/]+)`),
    (p, r, type) =>
      ok({
        results:
          r.query.get('archived') === 'true'
            ? []
            : [...p.table(type!).def.properties.values()].map((x) => renderProperty(p, p.table(type!).def, x)),
      }),
  ],
  [
    'GET',
    at(`${PROPERTIES}/([^/]+)/groups`),
    (p, _, type) =>
      ok({
        results: [
          {
            name: `${p.table(type!).def.singular}information`,
            label: 'Information',
            displayOrder: 0,
            archived: false,
          },
        ],
      }),
  ],
  [
    'POST',
    at(`${PROPERTIES}/([^/]+)/groups`),
    (p, r, type) => {
      p.table(type!)
      const g = input<{ name: string; label: string; displayOrder?: number }>(r.body)
      return ok({ archived: false, name: g.name, displayOrder: g.displayOrder ?? -1, label: g.label }, 201)
    },
  ],
  [
    'POST',
    at(`${PROPERTIES}/([^/]+)`),
    (p, r, type) => {
      const def = p.table(type!).def
      return ok(renderProperty(p, def, p.addProperty(type!, propertyFrom(p, def, input(r.body)))), 201)
    },
  ],
  [
    'POST',
    at(`${PROPERTIES}/([^/]+)/batch/create`),
    (p, r, type) => {
      const def = p.table(type!).def
      const made = input<{ inputs: Partial<PropertyDef>[] }>(r.body).inputs.map((i) =>
        renderProperty(p, def, p.addProperty(type!, propertyFrom(p, def, i)), false),
      )
      return ok(batchAnswer(p, made), 201)
    },
  ],
  [
    'GET',
    at(`${PROPERTIES}/([^/]+)/([^/]+)`),
    (p, _, type, name) => {
      const def = p.table(type!).def
      const x = def.properties.get(name!)
      if (!x) throw new HubspotError(404, 'OBJECT_NOT_FOUND', `Property ${name} does not exist`)
      return ok(renderProperty(p, def, x))
    },
  ],
  [
    'PATCH',
    at(`${PROPERTIES}/([^/]+)/([^/]+)`),
    (p, r, type, name) => {
      const def = p.table(type!).def
      const x = def.properties.get(name!)
      if (!x) throw new HubspotError(404, 'OBJECT_NOT_FOUND', `Property ${name} does not exist`)
      return ok(
        renderProperty(p, def, p.addProperty(type!, propertyFrom(p, def, { ...x, ...input<Partial<PropertyDef>>(r.body) }))),
      )
    },
  ],
  [
    'DELETE',
    at(`${PROPERTIES}/([^/]+)/([^/]+)`),
    (p, _, type, name) => {
      p.table(type!).def.properties.delete(name!)
      return { status: 204 }
    },
  ],
]

export function propertyFrom(portal: Portal, def: TypeDef, given: Partial<PropertyDef>): PropertyDef {
  if (!given.name || !given.type)
    throw new HubspotError(400, 'VALIDATION_ERROR', 'Invalid input JSON: name and type are required')
  const made = property(`${given.name} ${given.type} custom`, given.groupName ?? `${def.singular}information`)
  const now = isoTime(portal.clock.now())
  return {
    ...made,
    label: given.label ?? given.name,
    fieldType: given.fieldType ?? made.fieldType,
    description: given.description ?? '',
    hasUniqueValue: given.hasUniqueValue ?? false,
    multiple: given.fieldType === 'checkbox',
    options: (given.options ?? []).map((o, i) => ({
      label: o.label,
      value: o.value,
      ...(o.description !== undefined && { description: o.description }),
      displayOrder: o.displayOrder ?? i,
      hidden: o.hidden ?? false,
    })),
    createdAt: now,
    updatedAt: now,
  }
}
