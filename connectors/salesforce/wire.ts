import { z } from 'zod'
import type { Json } from '../../mappings/model/value.ts'
import type { FieldSchema, ObjectSchema } from '../../mappings/schema.ts'
import type { Snapshot } from '../connector.ts'

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

export const queryAnswer = z.object({
  totalSize: z.number(),
  done: z.boolean(),
  nextRecordsUrl: z.string().optional(),
  records: z.array(z.looseObject({})),
})

interface Child {
  records: Record<string, Json>[]
}

/** `2024-09-10T13:57:45.000+0000` -> milliseconds. */
export const toMillis = (text: string): number => Date.parse(text.replace(/\+0000$/, 'Z'))

export function toSnapshot(object: string, record: Record<string, unknown>, columns: string[], clock: number): Snapshot {
  const row: Record<string, Json> = {}
  const children = CHILDREN[object] ?? {}
  for (const column of columns) {
    const child = children[column]
    if (child) {
      const found = (record[child.relationship] as Child | null)?.records ?? []
      const values = found.map((r) => pathOf(r, child.column)).filter((v) => v !== null && v !== undefined)
      row[column] = [...new Set(values.map(String))].sort()
    } else if (column in record) row[column] = record[column] as Json
  }
  const id = String(record.Id)
  const master = record.MasterRecordId
  return {
    asked: id,
    id,
    version: toMillis(String(record.SystemModstamp)),
    clock,
    deleted: record.IsDeleted === true,
    row,
    ...(typeof record.LastModifiedById === 'string' && { modifiedBy: record.LastModifiedById }),
    ...(typeof master === 'string' && { mergedInto: master }),
  }
}

const pathOf = (record: Record<string, Json>, path: string): Json | undefined =>
  path
    .split('.')
    .reduce<Json | undefined>((v, key) => (v && typeof v === 'object' && !Array.isArray(v) ? v[key] : undefined), record)

/** A value in the form Salesforce's JSON expects. */
export function encode(field: FieldSchema | undefined, value: Json): Json {
  if (value === null) return null
  if (Array.isArray(value)) return value.join(';')
  if (field && ['currency', 'double', 'percent', 'int'].includes(field.type)) return Number(value)
  return value
}

export const encodeRow = (schema: ObjectSchema | undefined, row: Record<string, Json>): Record<string, Json> =>
  Object.fromEntries(Object.entries(row).map(([column, value]) => [column, encode(schema?.fields[column], value)]))

/** A SOQL string literal. */
export const quote = (text: string): string => `'${text.replace(/[\\']/g, (c) => `\\${c}`).replace(/\n/g, '\\n')}'`
