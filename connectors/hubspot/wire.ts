import { z } from 'zod'
import type { Json } from '../../mappings/model/value.ts'
import type { ObjectSchema, RawRow } from '../../mappings/schema.ts'
import type { Snapshot } from '../connector.ts'

/** How values and records look on HubSpot's wire. */

export const objectAnswer = z.looseObject({
  id: z.string(),
  properties: z.record(z.string(), z.string().nullable()),
  updatedAt: z.string(),
  archived: z.boolean().optional(),
  objectWriteTraceId: z.string().optional(),
})
export type ObjectAnswer = z.infer<typeof objectAnswer>

export const pageAnswer = z.looseObject({
  results: z.array(objectAnswer),
  paging: z.looseObject({ next: z.looseObject({ after: z.string() }).optional() }).optional(),
})

export const batchAnswer = z.looseObject({
  results: z.array(objectAnswer).default([]),
  startedAt: z.string().optional(),
  errors: z
    .array(
      z.looseObject({
        category: z.string().optional(),
        message: z.string().optional(),
        context: z.record(z.string(), z.array(z.string())).optional(),
      }),
    )
    .optional(),
})

/** Always read: the ids that a merge put into this record. */
export const MERGED = 'hs_merged_object_ids'

/** The one rule of raw values: `''` is null (an update's answer echoes `''`, a later read gives null). */
export const rawValue = (value: string | null | undefined): Json => (value === '' || value === undefined ? null : value)

export function toSnapshot(record: ObjectAnswer, columns: string[], clock: number): Snapshot {
  const row: RawRow = {}
  for (const column of columns)
    if (!column.startsWith('@') && column in record.properties) row[column] = rawValue(record.properties[column])
  const merged = record.properties[MERGED]
  return {
    asked: record.id,
    id: record.id,
    version: Date.parse(record.updatedAt),
    clock,
    deleted: record.archived === true,
    row,
    ...(merged && { mergedFrom: merged.split(';').filter(Boolean) }),
  }
}

/** A value in the form HubSpot takes: everything is text, null clears as ''. */
export function encode(value: Json): string {
  if (value === null) return ''
  if (Array.isArray(value)) return value.map(String).join(';')
  return typeof value === 'string' ? value : String(value)
}

export const encodeRow = (row: RawRow): Record<string, string> =>
  Object.fromEntries(
    Object.entries(row)
      .filter(([c]) => !c.startsWith('@'))
      .map(([column, value]) => [column, encode(value)]),
  )

/** `@companies#HUBSPOT_DEFINED:5` -> its parts. */
export function associationOf(column: string): { to: string; category: string; typeId: number } | undefined {
  const match = /^@([^#]+)#([A-Z_]+):(\d+)$/.exec(column)
  return match ? { to: match[1]!, category: match[2]!, typeId: Number(match[3]) } : undefined
}

export const propertyAnswer = z.looseObject({
  name: z.string(),
  label: z.string(),
  type: z.string(),
  fieldType: z.string(),
  hasUniqueValue: z.boolean().optional(),
  calculated: z.boolean().optional(),
  externalOptions: z.boolean().optional(),
  options: z.array(z.looseObject({ value: z.string(), label: z.string(), hidden: z.boolean().optional() })).optional(),
  modificationMetadata: z.looseObject({ readOnlyValue: z.boolean() }).optional(),
})

export function toFields(properties: z.infer<typeof propertyAnswer>[]): ObjectSchema['fields'] {
  return Object.fromEntries(
    properties.map((p) => {
      const writable = !p.calculated && !p.modificationMetadata?.readOnlyValue
      const options =
        p.type === 'enumeration' && !p.externalOptions && p.options?.length
          ? p.options.map((o) => ({ value: o.value, label: o.label, active: !o.hidden }))
          : undefined
      return [
        p.name,
        {
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
        },
      ]
    }),
  )
}
