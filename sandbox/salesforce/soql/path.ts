import { SalesforceError } from '../errors.ts'
import type { Row } from '../model.ts'
import type { Org } from '../org.ts'
import { reader, timeReader } from '../reading.ts'
import type { FieldDef, ObjectDef } from '../schema.ts'
import type { Wire } from '../values.ts'

/** Field paths such as `Account.Owner.Name`: what they lead to, and how to read it from a row. */

interface Path<T> {
  field: FieldDef
  read: (row: Row) => T
}

/** Reads a path as it goes over the wire. @throws SalesforceError for a field or relationship that is not there. */
export const wireReader = (org: Org, def: ObjectDef, path: string): Path<unknown> => follow(org, def, path, reader)

/** Reads a path in the form that is compared: text without case, times in milliseconds, ids by their 18 characters. */
export const comparableReader = (org: Org, def: ObjectDef, path: string): Path<Wire> => follow(org, def, path, comparable)

function comparable(def: ObjectDef, field: FieldDef): (row: Row) => Wire {
  const time = timeReader(field)
  if (time) return time
  // A compound address is only shown, never compared.
  const read = reader(def, field) as (row: Row) => Wire
  switch (field.type) {
    case 'id':
    case 'reference':
    case 'boolean':
      return read
    case 'datetime':
      return (row) => {
        const value = read(row)
        return value === null ? null : Date.parse(String(value).replace('+0000', 'Z'))
      }
    default:
      return (row) => {
        const value = read(row)
        return typeof value === 'string' ? value.toLowerCase() : value
      }
  }
}

function follow<T>(
  org: Org,
  def: ObjectDef,
  path: string,
  readerOf: (def: ObjectDef, field: FieldDef) => (row: Row) => T,
): Path<T | null> {
  const parts = path.split('.')
  const own = parts[0]?.toLowerCase() === def.name.toLowerCase() && parts.length > 1 ? parts.slice(1) : parts
  if (own.length === 1) {
    const field = def.fields.get(def.fieldNames.get(own[0]!.toLowerCase()) ?? '')
    if (!field) throw noColumn(own[0]!, def)
    return { field, read: readerOf(def, field) }
  }
  const { parentOf, parent } = relation(org, def, own[0]!)
  const rest = follow(org, parent, own.slice(1).join('.'), readerOf)
  return {
    field: rest.field,
    read: (row) => {
      const to = parentOf(row)
      return to ? rest.read(to) : null
    },
  }
}

const noColumn = (name: string, def: ObjectDef) =>
  new SalesforceError(
    'INVALID_FIELD',
    `\nSELECT ${name} FROM ${def.name}\n       ^\nERROR at Row:1:Column:8\nNo such column '${name}' on entity '${def.name}'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.`,
  )

/** A relationship to a parent, by the name that paths call it. @throws SalesforceError when there is none. */
export function relation(
  org: Org,
  def: ObjectDef,
  name: string,
): { field: FieldDef; parent: ObjectDef; parentOf: (row: Row) => Row | undefined } {
  const field = [...def.fields.values()].find((f) => f.relationshipName?.toLowerCase() === name.toLowerCase())
  if (!field)
    throw new SalesforceError(
      'INVALID_FIELD',
      `\nERROR at Row:1:Column:8\nDidn't understand relationship '${name}' in field path. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe call for the appropriate names.`,
    )
  const { def: parent, rows } = org.table(field.referenceTo[0]!)
  const reference = reader(def, field)
  return { field, parent, parentOf: (row) => rows.get(String(reference(row))) }
}
