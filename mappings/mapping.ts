import { z } from 'zod'
import { brakeSchema, fieldBrakeSchema } from './brake.ts'
import { ruleEntry } from './identity.ts'
import { entitySchema, fieldDef } from './model/model.ts'
import { FIELD_TYPES } from './model/types.ts'
import type { Json } from './model/value.ts'

/** What to do when both sides changed a field to different values. */
export const policySchema = z.union([
  z.enum(['manual', 'latest', 'fill', 'max', 'min', 'union']),
  z.object({ source: z.string().describe('Name of the connection that wins') }),
])
export type Policy = z.infer<typeof policySchema>

const valueMap = z.record(z.string(), z.union([z.string(), z.boolean()]))

const association = z.object({
  to: z.string().describe('The associated object, e.g. companies'),
  label: z.string().optional().describe('A labelled association; needs a plan that has labels'),
  typeId: z.number().int().optional().describe('HubSpot-defined association type, e.g. 5 = primary company of a deal'),
})

export const fieldMappingSchema = z.object({
  field: z.string().optional().describe('CRM field'),
  association: association.optional().describe('Instead of a field: an association of the record'),
  fallback: z.string().optional().describe('CRM field used where the association label does not exist'),
  direction: z.enum(['both', 'in', 'out']).default('both'),
  type: z.enum(FIELD_TYPES).optional().describe('Type of a custom field; fields of the model have theirs'),
  to: z.array(entitySchema).optional().describe('Entities a custom reference may point to'),
  values: valueMap.optional().describe('CRM value -> canonical value'),
  by: z.string().optional().describe('CRM field whose value selects one of `groups`, e.g. pipeline'),
  groups: z.record(z.string(), valueMap).optional().describe('Value of `by` (or *) -> value map'),
  write: z.record(z.string(), z.string()).optional().describe('Canonical -> CRM value, where several map to one'),
  lossy: z.boolean().default(false).describe('States that several CRM values share one canonical value'),
  in: z.string().optional().describe('JSONata over the CRM value, before normalising'),
  out: z.string().optional().describe('JSONata over the canonical value, before writing'),
  default: z.json().optional().describe('Canonical value taken when the CRM is blank'),
  currencyField: z.string().optional(),
  factor: z.number().positive().optional().describe('CRM number times this is the canonical number'),
  as: z.enum(['name', 'code', 'text']).optional().describe('How countries and states are written'),
  policy: policySchema.default('manual'),
  brake: fieldBrakeSchema
    .optional()
    .describe('Stops and asks when so many rows would lose this field, or get another value in it'),
})

const condition = z.object({
  field: z.string(),
  in: z.array(z.union([z.string(), z.boolean(), z.null()])).optional(),
  notIn: z.array(z.union([z.string(), z.boolean(), z.null()])).optional(),
  startsWith: z.string().optional(),
})
export type Condition = z.infer<typeof condition>

export const mappingSchema = z
  .object({
    crm: z.enum(['salesforce', 'hubspot']),
    entity: entitySchema,
    object: z.string().describe('The CRM object, e.g. Account, companies'),
    externalId: z.string().optional().describe('CRM field that holds the Concordat id'),
    filter: z.array(condition).default([]).describe('All must hold for a record to belong to the entity'),
    /** Alternatives in order; each is a list of canonical fields that must all be equal and not blank. */
    identity: z.array(z.array(z.string()).min(1)).default([]),
    /** The first rule of identity, before all others: what another sync between the two CRMs has linked already. */
    otherIds: z
      .partialRecord(z.enum(['salesforce', 'hubspot']), z.string())
      .default({})
      .describe('Fields in which another sync keeps the id of the row in another CRM'),
    onCreate: z.record(z.string(), z.json()).default({}).describe('CRM field values set on create'),
    firstLink: z.union([z.enum(['latest', 'manual']), z.object({ source: z.string() })]).default({ source: 'salesforce' }),
    onDelete: z.enum(['delete', 'unlink', 'ignore']).default('delete'),
    write: z.boolean().default(true).describe('false: read only'),
    brake: brakeSchema.prefault({}).describe('Stops and asks when so much would be taken away at once'),
    fields: z.record(z.string(), z.union([z.string(), fieldMappingSchema])),
  })
  .strict()
  .superRefine((doc, ctx) => {
    for (const [name, field] of Object.entries(doc.fields)) {
      const def = fieldDef(doc.entity, name)
      const mapped = typeof field === 'string' ? undefined : field
      if (!def && !mapped?.type)
        ctx.addIssue({
          code: 'custom',
          path: ['fields', name],
          message: `the model's ${doc.entity} has no field "${name}"; a custom field needs a type`,
        })
      if (mapped && !mapped.field && !mapped.association)
        ctx.addIssue({ code: 'custom', path: ['fields', name], message: 'name a field or an association' })
      if (mapped?.by && !mapped.groups) ctx.addIssue({ code: 'custom', path: ['fields', name], message: '`by` needs `groups`' })
    }
    for (const rule of doc.identity)
      for (const name of rule.map((r) => ruleEntry(r).field))
        if (!doc.fields[name])
          ctx.addIssue({
            code: 'custom',
            path: ['identity'],
            message: `identity rule uses "${name}", which is not mapped`,
          })
  })

/** A mapping document as written; `parseMapping` fills the defaults. */
export type MappingDocument = z.infer<typeof mappingSchema>
export type FieldMapping = z.infer<typeof fieldMappingSchema>

/**
 * Parses a mapping document.
 * @throws z.ZodError naming each wrong path.
 */
export const parseMapping = (document: unknown): MappingDocument => mappingSchema.parse(document)

/** The JSON Schema of mapping documents, for editors. */
export const mappingJsonSchema = (): Json => z.toJSONSchema(mappingSchema, { io: 'input', unrepresentable: 'any' }) as Json

/** A field mapping with the shorthand (`name: Name`) spelled out. */
export const fieldMapping = (entry: string | FieldMapping): FieldMapping =>
  typeof entry === 'string' ? fieldMappingSchema.parse({ field: entry }) : entry

/** Whether a raw row meets every condition of a filter. Text compares as the CRMs do: case counts. */
export function meetsFilter(filter: Condition[], row: Record<string, Json>): boolean {
  return filter.every(({ field, in: allowed, notIn, startsWith }) => {
    const value = row[field] ?? null
    const scalar = typeof value === 'boolean' || value === null ? value : String(value)
    if (allowed && !allowed.includes(scalar)) return false
    if (notIn?.includes(scalar)) return false
    return !startsWith || (typeof scalar === 'string' && scalar.startsWith(startsWith))
  })
}
