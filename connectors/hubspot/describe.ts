import { z } from 'zod'
import type { AssociationType, FieldSchema, ObjectSchema, ValueGroup } from '../../mappings/schema.ts'
import { type HubspotClient, meta } from './client.ts'
import { CHILDREN } from './wire.ts'

const propertiesAnswer = z.looseObject({
  results: z.array(
    z.looseObject({
      name: z.string(),
      label: z.string(),
      type: z.string(),
      fieldType: z.string(),
      hasUniqueValue: z.boolean().optional(),
      calculated: z.boolean().optional(),
      externalOptions: z.boolean().optional(),
      options: z.array(z.looseObject({ value: z.string(), label: z.string(), hidden: z.boolean().optional() })).optional(),
      modificationMetadata: z.looseObject({ readOnlyValue: z.boolean() }).optional(),
    }),
  ),
})
type Property = z.infer<typeof propertiesAnswer>['results'][number]

const labelsAnswer = z.looseObject({
  results: z.array(
    z.looseObject({
      category: z.enum(['HUBSPOT_DEFINED', 'USER_DEFINED', 'INTEGRATOR_DEFINED']),
      typeId: z.number(),
      label: z.string().nullable(),
    }),
  ),
})

const pipelinesAnswer = z.looseObject({
  results: z.array(
    z.looseObject({
      id: z.string(),
      label: z.string(),
      stages: z.array(z.looseObject({ id: z.string(), label: z.string() })),
    }),
  ),
})

/** Properties, association types and pipelines of an object. */
export async function describe(client: HubspotClient, object: string): Promise<ObjectSchema> {
  const { body } = await client.request(
    meta(`properties of ${object}`),
    { method: 'GET', path: `/crm/v3/properties/${object}` },
    propertiesAnswer,
  )
  const associations = (await Promise.all(targetsOf(object).map((to) => associationTypes(client, object, to)))).flat()
  return {
    object,
    label: object,
    fields: {
      ...Object.fromEntries(body.results.map((p) => [p.name, toField(p)])),
      ...Object.fromEntries(Object.keys(CHILDREN[object] ?? {}).map((name) => [name, childField(name)])),
    },
    associations,
    groups: object === 'deals' ? await pipelines(client, object) : [],
  }
}

/** Object types that each type can be associated with, as far as mappings use them. */
const targetsOf = (object: string): string[] =>
  (({ companies: ['companies'], contacts: ['companies'], deals: ['companies', 'contacts'] }) as Record<string, string[]>)[
    object
  ] ?? ['companies', 'contacts', 'deals']

function toField(p: Property): FieldSchema {
  const writable = !p.calculated && !p.modificationMetadata?.readOnlyValue
  const options =
    p.type === 'enumeration' && !p.externalOptions && p.options?.length
      ? p.options.map((o) => ({ value: o.value, label: o.label, active: !o.hidden }))
      : undefined
  return {
    name: p.name,
    label: p.label,
    type: p.type,
    readable: true,
    creatable: writable,
    updatable: writable,
    required: false,
    unique: p.hasUniqueValue ?? false,
    ...(p.type === 'string' && { length: 65_536 }),
    ...(options && { options, restricted: true }),
  }
}

const childField = (name: string): FieldSchema => ({
  name,
  label: name,
  type: 'association',
  readable: true,
  creatable: false,
  updatable: false,
  required: false,
  unique: false,
})

async function associationTypes(client: HubspotClient, from: string, to: string): Promise<AssociationType[]> {
  const { body } = await client.request(
    meta(`association types ${from} to ${to}`),
    { method: 'GET', path: `/crm/v4/associations/${from}/${to}/labels` },
    labelsAnswer,
  )
  return body.results.map((r) => ({ to, category: r.category, typeId: r.typeId, label: r.label }))
}

/** A pipeline narrows the stages of its deals. */
async function pipelines(client: HubspotClient, object: string): Promise<ValueGroup[]> {
  const { body } = await client.request(
    meta(`pipelines of ${object}`),
    { method: 'GET', path: `/crm/v3/pipelines/${object}` },
    pipelinesAnswer,
  )
  return body.results.map((p) => ({
    column: 'pipeline',
    value: p.id,
    label: p.label,
    narrows: 'dealstage',
    options: p.stages.map((s) => ({ value: s.id, label: s.label })),
  }))
}
