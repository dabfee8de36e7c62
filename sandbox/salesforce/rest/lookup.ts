import { SalesforceError } from '../errors.ts'
import { normaliseId } from '../ids.ts'
import type { Row } from '../model.ts'
import type { Org } from '../org.ts'

/** Rows as requests name them: by id or by an external id. */

export function rowOf(org: Org, object: string, id: string, withDeleted = false): Row {
  const table = org.table(object)
  const full = normaliseId(id)
  const row = full ? table.rows.get(full) : undefined
  if (!full || !row)
    throw full && full.slice(0, 3) !== table.def.prefix
      ? new SalesforceError('MALFORMED_ID', `malformed id ${id}`)
      : new SalesforceError('NOT_FOUND', 'The requested resource does not exist', { status: 404 })
  if (row.deleted && !withDeleted)
    throw new SalesforceError('ENTITY_IS_DELETED', 'entity is deleted', { status: 404, fields: [] })
  return row
}

export function external(org: Org, object: string, field: string, value: string): Row | undefined {
  const { def } = org.table(object)
  const name = def.fieldNames.get(field.toLowerCase())
  if (name === 'Id') return org.row(def.name, normaliseId(value) ?? '')
  const f = name ? def.fields.get(name) : undefined
  if (!f || !(f.externalId || f.type === 'email'))
    throw new SalesforceError('NOT_FOUND', `Provided external ID field does not exist or is not accessible: ${field}`, {
      status: 404,
    })
  if (f.externalId && f.unique) return org.byUnique(def.name, f.name, value)
  const matches = [...org.table(object).rows.values()].filter(
    (x) => !x.deleted && String(x.values[f.name] ?? '').toLowerCase() === value.toLowerCase(),
  )
  if (matches.length > 1) throw new MultipleMatches(matches.map((m) => m.id))
  return matches[0]
}

export class MultipleMatches extends Error {
  readonly ids: string[]
  constructor(ids: string[]) {
    super('multiple')
    this.ids = ids
  }
}
