import { z } from 'zod'
import type { Json } from '../../mappings/model/value.ts'
import type { RawRow } from '../../mappings/schema.ts'
import type { Snapshot } from '../connector.ts'
import { isObject, type RowProblem, rowOf, rowsOf } from '../rows.ts'

/** How values and records look on HubSpot's wire. */

/** A record; every property is text or null. */
interface HubspotRecord {
  id: string
  properties: Record<string, string | null>
  updatedAt: string
  archived?: boolean
  objectWriteTraceId?: string
}

function problemOf({ id, updatedAt, properties, archived, objectWriteTraceId }: Record<string, unknown>): RowProblem | undefined {
  if (typeof id !== 'string') return { path: ['id'], message: 'expected text' }
  if (typeof updatedAt !== 'string') return { path: ['updatedAt'], message: 'expected text' }
  if (archived !== undefined && typeof archived !== 'boolean') return { path: ['archived'], message: 'expected true or false' }
  if (objectWriteTraceId !== undefined && typeof objectWriteTraceId !== 'string')
    return { path: ['objectWriteTraceId'], message: 'expected text' }
  if (!isObject(properties)) return { path: ['properties'], message: 'expected an object' }
  for (const name in properties)
    if (typeof properties[name] !== 'string' && properties[name] !== null)
      return { path: ['properties', name], message: 'expected text or null' }
  return undefined
}

export const objectAnswer = rowOf<HubspotRecord>(problemOf)
const records = rowsOf<HubspotRecord>(problemOf)

export const pageAnswer = z.looseObject({
  results: records,
  paging: z.looseObject({ next: z.looseObject({ after: z.string() }).optional() }).optional(),
})

export const batchAnswer = z.looseObject({
  results: records.default([]),
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

/** Associations are no properties and are read and written apart. */
const isAssociation = (column: string): boolean => column.startsWith('@')

/** Properties to ask for. */
export const propertiesOf = (columns: string[]): string[] => [...new Set([...columns.filter((c) => !isAssociation(c)), MERGED])]

/** Records as snapshots of the asked columns. */
export function toSnapshots(records: HubspotRecord[], columns: string[], clock: number): Snapshot[] {
  const properties = columns.filter((c) => !isAssociation(c))
  return records.map((record) => toSnapshot(record, properties, clock))
}

/** The record that a write's answer carries, with all of its properties. */
export const writtenSnapshot = (record: HubspotRecord, clock: number): Snapshot =>
  toSnapshot(record, Object.keys(record.properties), clock)

/** The one rule of raw values: `''` is null (an update's answer echoes `''`, a later read gives null). */
function toSnapshot(record: HubspotRecord, properties: string[], clock: number): Snapshot {
  const row: RawRow = {}
  for (const name of properties) {
    const value = record.properties[name]
    if (value !== undefined) row[name] = value === '' ? null : value
  }
  const snapshot: Snapshot = {
    asked: record.id,
    id: record.id,
    version: Date.parse(record.updatedAt),
    clock,
    deleted: record.archived === true,
    row,
  }
  const merged = record.properties[MERGED]
  if (merged) snapshot.mergedFrom = merged.split(';').filter(Boolean)
  return snapshot
}

/** A value in the form HubSpot takes: everything is text, null clears as ''. */
function encode(value: Json): string {
  if (value === null) return ''
  if (Array.isArray(value)) return value.map(String).join(';')
  return typeof value === 'string' ? value : String(value)
}

/** The properties of a row to write. */
export function encodeRow(row: RawRow): Record<string, string> {
  const properties: Record<string, string> = {}
  for (const column in row) if (!isAssociation(column)) properties[column] = encode(row[column]!)
  return properties
}

/** `@companies#HUBSPOT_DEFINED:5` -> its parts. */
export function associationOf(column: string): { to: string; category: string; typeId: number } | undefined {
  if (!isAssociation(column)) return undefined
  const match = /^@([^#]+)#([A-Z_]+):(\d+)$/.exec(column)
  return match ? { to: match[1]!, category: match[2]!, typeId: Number(match[3]) } : undefined
}
