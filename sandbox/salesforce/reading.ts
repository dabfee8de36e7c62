import type { Row } from './model.ts'
import type { FieldDef, ObjectDef } from './schema.ts'
import { type Wire, wireTime } from './values.ts'

/** Fields of a row as they go over the wire: what it holds, what the system keeps beside, compound addresses. */

/** A compound address: read only, made of the row's own parts. */
type Address = Record<string, Wire>

export const SYSTEM_FIELDS = new Set([
  'Id',
  'IsDeleted',
  'CreatedDate',
  'CreatedById',
  'LastModifiedDate',
  'LastModifiedById',
  'SystemModstamp',
])

const ADDRESS_PARTS = [
  'City',
  'Country',
  'CountryCode',
  'GeocodeAccuracy',
  'Latitude',
  'Longitude',
  'PostalCode',
  'State',
  'StateCode',
  'Street',
]

/** How to read a field of an object's rows: decided once, for many rows. */
export function reader(def: ObjectDef, field: FieldDef): (row: Row) => Wire | Address {
  const { name } = field
  switch (name) {
    case 'Id':
      return (row) => row.id
    case 'IsDeleted':
      return (row) => row.deleted
    case 'CreatedDate':
      return (row) => wireTime(row.created)
    case 'CreatedById':
      return (row) => row.createdBy
    case 'LastModifiedDate':
      return (row) => wireTime(row.modified)
    case 'LastModifiedById':
      return (row) => row.modifiedBy
    case 'SystemModstamp':
      return (row) => wireTime(row.stamp)
  }
  if (field.type === 'address') return addressReader(def, name.replace(/Address$/, ''))
  const empty = field.type === 'boolean' ? false : null
  return (row) => row.values[name] ?? empty
}

/** The times that the system keeps, as numbers; undefined for other fields. */
export function timeReader(field: FieldDef): ((row: Row) => number) | undefined {
  switch (field.name) {
    case 'CreatedDate':
      return (row) => row.created
    case 'LastModifiedDate':
      return (row) => row.modified
    case 'SystemModstamp':
      return (row) => row.stamp
  }
  return undefined
}

/** The compound of a row's address parts; null when all are empty. Codes are there in orgs that have code fields. */
function addressReader(def: ObjectDef, kind: string): (row: Row) => Address | null {
  const parts = ADDRESS_PARTS.filter((p) => def.fields.has(kind + p)).map(
    (p) => [kind + p, p.charAt(0).toLowerCase() + p.slice(1)] as const,
  )
  return (row) => {
    if (parts.every(([field]) => (row.values[field] ?? null) === null)) return null
    return Object.fromEntries(parts.map(([field, part]) => [part, row.values[field] ?? null]))
  }
}
