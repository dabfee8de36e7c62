import { HubspotError } from '../errors.ts'
import type { Portal } from '../portal.ts'
import { renderSchema } from '../render.ts'
import { type PropertyDef, property, type TypeDef } from '../schema.ts'
import { propertyFrom } from './properties.ts'
import { type Answer, at, input, ok, type Request, type Route, SCHEMAS } from './route.ts'

/** `/crm-object-schemas/v3/schemas`: object types, custom ones included. */

export const routes: Route[] = [
  [
    'GET',
    at(SCHEMAS),
    (p) => ok({ results: [...p.tables.values()].filter((t) => t.def.custom).map((t) => renderSchema(p, t.def)) }),
  ],
  ['POST', at(SCHEMAS), createSchema],
  [
    'DELETE',
    at(`${SCHEMAS}/([^/]+)`),
    (p, _, type) => {
      p.dropType(type!)
      return { status: 204 }
    },
  ],
  ['GET', at(`${SCHEMAS}/([^/]+)`), (p, _, type) => ok(renderSchema(p, p.table(type!).def))],
  [
    'PATCH',
    at(`${SCHEMAS}/([^/]+)`),
    (p, r, type) => {
      const def = p.table(type!).def
      Object.assign(
        def,
        pick(input(r.body), [
          'labels',
          'requiredProperties',
          'searchableProperties',
          'primaryDisplayProperty',
          'secondaryDisplayProperties',
        ]),
      )
      return ok(renderSchema(p, def))
    },
  ],
]

const pick = (o: Record<string, unknown>, keys: string[]) => Object.fromEntries(keys.filter((k) => k in o).map((k) => [k, o[k]]))

function createSchema(portal: Portal, r: Request): Answer {
  const body = input<{
    name: string
    labels: TypeDef['labels']
    properties?: Partial<PropertyDef>[]
    requiredProperties?: string[]
    primaryDisplayProperty?: string
    searchableProperties?: string[]
    secondaryDisplayProperties?: string[]
    associatedObjects?: string[]
  }>(r.body)
  if (portal.find(body.name)) throw new HubspotError(409, 'CONFLICT', `Object type named ${body.name} already exists`)
  const number = 1001 + portal.tables.size
  const def: TypeDef = {
    name: body.name,
    singular: body.name,
    typeId: `2-${number}`,
    properties: new Map(),
    modified: 'hs_lastmodifieddate',
    pipelines: [],
    custom: true,
    labels: body.labels,
    createdAt: portal.clock.now(),
    requiredProperties: body.requiredProperties ?? [],
    primaryDisplayProperty: body.primaryDisplayProperty ?? 'name',
    searchableProperties: body.searchableProperties ?? [],
    secondaryDisplayProperties: body.secondaryDisplayProperties ?? [],
  }
  for (const line of [
    'hs_object_id number ro',
    'hs_createdate datetime ro',
    'hs_lastmodifieddate datetime ro',
    ...(portal.year > 2022 ? ['hubspot_owner_id enumeration'] : []),
    'hs_merged_object_ids string ro',
  ]) {
    const p = property(line)
    def.properties.set(p.name, p)
  }
  for (const p of body.properties ?? []) def.properties.set(p.name!, propertyFrom(portal, def, p))
  portal.addType(def)
  // Every custom object can have activities from its birth, and what it asked for.
  for (const to of ['notes', 'tasks', ...(body.associatedObjects ?? [])]) {
    const id = 600 + portal.associations.length * 2
    portal.associations.push({
      from: def.name,
      to: portal.table(to).def.name,
      category: 'USER_DEFINED',
      typeId: id,
      inverseId: id + 1,
      label: null,
      inverseLabel: null,
    })
  }
  return ok(renderSchema(portal, def), 201)
}
