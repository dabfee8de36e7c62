import { z } from 'zod'
import type { Json } from '../../mappings/model/value.ts'
import type { RawRow } from '../../mappings/schema.ts'
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
const MERGED = 'hs_merged_object_ids'

/** Pseudo-columns of an object: a property of associated records, in place of their ids. */
export const CHILDREN: Record<string, Record<string, { to: string; property: string }>> = {
  deals: { '@line_items#name': { to: 'line_items', property: 'name' } },
}

/** Properties to ask for; associations are read apart. */
export const propertiesOf = (columns: string[]): string[] => [...new Set([...columns.filter((c) => !c.startsWith('@')), MERGED])]

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
