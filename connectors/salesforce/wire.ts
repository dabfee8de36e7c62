import { z } from 'zod'
import type { Json } from '../../mappings/model/value.ts'
import type { FieldSchema, ObjectSchema, RawRow } from '../../mappings/schema.ts'
import type { Snapshot } from '../connector.ts'
import { rowsOf } from '../rows.ts'

/** How values and rows look on Salesforce's wire. */

/** Pseudo-columns: child rows that belong to a record, read by sub-select. */
export const CHILDREN: Record<string, Record<string, { select: string; relationship: string; column: string }>> = {
  Opportunity: {
    '@OpportunityContactRole#primary': {
      select: '(SELECT ContactId FROM OpportunityContactRoles WHERE IsPrimary = true)',
      relationship: 'OpportunityContactRoles',
      column: 'ContactId',
    },
    '@OpportunityLineItem#Name': {
      select: '(SELECT Product2.Name FROM OpportunityLineItems)',
      relationship: 'OpportunityLineItems',
      column: 'Product2.Name',
    },
  },
}

/** Field types that are numbers in JSON. */
export const NUMERIC: ReadonlySet<string> = new Set(['currency', 'double', 'percent', 'int'])

const SYSTEM = ['Id', 'SystemModstamp', 'LastModifiedById', 'IsDeleted']
/** Objects that a merge can remove: describe has MasterRecordId on them. */
const MERGEABLE = new Set(['Account', 'Contact', 'Lead'])

/** The select list for columns of an object. */
export function selectList(object: string, columns: string[]): string {
  const children = CHILDREN[object] ?? {}
  const names = new Set([
    ...SYSTEM,
    ...(MERGEABLE.has(object) ? ['MasterRecordId'] : []),
    ...columns.filter((c) => !c.startsWith('@')),
  ])
  return [...names, ...columns.map((c) => children[c]?.select).filter((s) => s !== undefined)].join(', ')
}

/** A query's answer, with records of a kind. */
export const queryAnswer = <T>(records: z.ZodType<T[]>) =>
  z.object({
    totalSize: z.number(),
    done: z.boolean(),
    nextRecordsUrl: z.string().optional(),
    records,
  })

/** A record with the columns of `SYSTEM`. */
interface SalesforceRecord {
  Id: string
  SystemModstamp: string
  [column: string]: unknown
}

/** Records that were read with a select list. */
export const recordsAnswer = queryAnswer(
  rowsOf<SalesforceRecord>(({ Id, SystemModstamp }) => {
    if (typeof Id !== 'string') return { path: ['Id'], message: 'expected text' }
    if (typeof SystemModstamp !== 'string') return { path: ['SystemModstamp'], message: 'expected text' }
    return undefined
  }),
)

interface Child {
  column: string
  relationship: string
  path: string[]
}

/** `2024-09-10T13:57:45.000+0000` -> milliseconds. */
const toMillis = (text: string): number => Date.parse(text.endsWith('+0000') ? `${text.slice(0, -5)}Z` : text)

/** Records as snapshots of the asked columns. */
export function toSnapshots(object: string, records: SalesforceRecord[], columns: string[], clock: number): Snapshot[] {
  const known = CHILDREN[object] ?? {}
  const plain = columns.filter((c) => !known[c])
  const children = columns.flatMap((column): Child[] => {
    const child = known[column]
    return child ? [{ column, relationship: child.relationship, path: child.column.split('.') }] : []
  })
  return records.map((record) => toSnapshot(record, plain, children, clock))
}

function toSnapshot(record: SalesforceRecord, plain: string[], children: Child[], clock: number): Snapshot {
  const row: RawRow = {}
  for (const column of plain) {
    const value = record[column]
    if (value !== undefined) row[column] = value as Json
  }
  for (const child of children) row[child.column] = childValues(record[child.relationship], child.path)
  const snapshot: Snapshot = {
    asked: record.Id,
    id: record.Id,
    version: toMillis(record.SystemModstamp),
    clock,
    deleted: record.IsDeleted === true,
    row,
  }
  if (typeof record.LastModifiedById === 'string') snapshot.modifiedBy = record.LastModifiedById
  if (typeof record.MasterRecordId === 'string') snapshot.mergedInto = record.MasterRecordId
  return snapshot
}

/** The values of a column of child rows, each once, sorted. A sub-select without rows is null. */
function childValues(answer: unknown, path: string[]): string[] {
  const found = (answer as { records?: Json[] } | null | undefined)?.records
  if (!found) return []
  const values = new Set<string>()
  for (const record of found) {
    const value = valueAt(record, path)
    if (value !== null && value !== undefined) values.add(String(value))
  }
  return [...values].sort()
}

function valueAt(record: Json, path: string[]): Json | undefined {
  let value: Json | undefined = record
  for (const key of path) value = value && typeof value === 'object' && !Array.isArray(value) ? value[key] : undefined
  return value
}

/** A value in the form Salesforce's JSON expects. */
function encode(field: FieldSchema | undefined, value: Json): Json {
  if (value === null) return null
  if (Array.isArray(value)) return value.join(';')
  return field && NUMERIC.has(field.type) ? Number(value) : value
}

/** Puts the columns of a row into a record to save. */
export function encodeInto(record: Record<string, Json>, schema: ObjectSchema | undefined, row: RawRow): Record<string, Json> {
  for (const column in row) record[column] = encode(schema?.fields[column], row[column]!)
  return record
}

/** A SOQL string literal. */
export const quote = (text: string): string => `'${text.replace(/[\\']/g, (c) => `\\${c}`).replace(/\n/g, '\\n')}'`
