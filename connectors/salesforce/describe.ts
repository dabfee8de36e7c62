import { z } from 'zod'
import type { FieldSchema, ObjectSchema } from '../../mappings/schema.ts'
import type { SalesforceClient } from './client.ts'
import { CHILDREN, NUMERIC } from './wire.ts'

/** The part of a describe answer that is used. */
const describeAnswer = z.object({
  name: z.string(),
  label: z.string(),
  fields: z.array(
    z.object({
      name: z.string(),
      label: z.string(),
      type: z.string(),
      length: z.number(),
      precision: z.number(),
      scale: z.number(),
      digits: z.number().optional(),
      createable: z.boolean(),
      updateable: z.boolean(),
      nillable: z.boolean(),
      defaultedOnCreate: z.boolean(),
      unique: z.boolean(),
      externalId: z.boolean(),
      restrictedPicklist: z.boolean(),
      referenceTo: z.array(z.string()).nullable(),
      picklistValues: z.array(z.object({ value: z.string(), label: z.string().nullable(), active: z.boolean() })).nullable(),
    }),
  ),
  recordTypeInfos: z
    .array(z.object({ recordTypeId: z.string(), name: z.string(), active: z.boolean(), master: z.boolean() }))
    .default([]),
})

const TEXT = new Set(['string', 'textarea', 'email', 'phone', 'url', 'picklist'])

/** Fields of an object, its child rows included. */
export async function describe(client: SalesforceClient, object: string): Promise<ObjectSchema> {
  const { body } = await client.request(
    { kind: 'meta', what: `describe ${object}` },
    { method: 'GET', url: `/sobjects/${object}/describe` },
    describeAnswer,
  )
  return toObjectSchema(body, Object.keys(CHILDREN[object] ?? {}))
}

function toObjectSchema(answer: z.infer<typeof describeAnswer>, associationColumns: string[]): ObjectSchema {
  const fields: Record<string, FieldSchema> = {}
  for (const f of answer.fields) {
    fields[f.name] = {
      name: f.name,
      label: f.label,
      type: f.type,
      readable: true,
      creatable: f.createable,
      updatable: f.updateable,
      unique: f.unique || f.externalId,
      required: f.createable && !f.nillable && !f.defaultedOnCreate,
      ...(TEXT.has(f.type) && f.length > 0 && { length: f.length }),
      ...(NUMERIC.has(f.type) && { precision: f.type === 'int' ? f.digits || 9 : f.precision, scale: f.scale }),
      ...(f.picklistValues?.length && {
        options: f.picklistValues.map((p) => ({
          value: p.value,
          label: p.label ?? p.value,
          active: p.active,
        })),
        restricted: f.restrictedPicklist,
      }),
      ...(f.referenceTo?.length && { references: f.referenceTo }),
    }
  }
  for (const name of associationColumns)
    fields[name] = {
      name,
      label: name,
      type: 'association',
      readable: true,
      creatable: false,
      updatable: name.endsWith('#primary'),
      required: false,
      unique: false,
    }
  return { object: answer.name, label: answer.label, fields, associations: [], groups: [] }
}
