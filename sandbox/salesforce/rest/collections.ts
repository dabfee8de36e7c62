import { SalesforceError } from '../errors.ts'
import { normaliseId } from '../ids.ts'
import type { Org } from '../org.ts'
import { reader } from '../reading.ts'
import { external, MultipleMatches } from './lookup.ts'
import { type Answer, ok, type Request, type Route, record } from './route.ts'

/** `/composite/sobjects`: up to 200 records a request, each with its own result. */

export const routes: Route[] = [
  [
    'POST',
    /^\/composite\/sobjects$/,
    (org, r) =>
      collection(org, r, (type, fields) => ({
        id: org.create(type, fields, r.session.user),
        success: true,
        errors: [],
      })),
  ],
  [
    'PATCH',
    /^\/composite\/sobjects$/,
    (org, r) =>
      collection(org, r, (type, fields) => {
        const id = normaliseId(fields.Id ?? fields.id)
        if (!id) throw new SalesforceError('MISSING_ARGUMENT', 'Id not specified in an update call')
        updateById(org, type, id, fields, r.session.user)
        return { id, success: true, errors: [] }
      }),
  ],
  [
    'PATCH',
    /^\/composite\/sobjects\/(\w+)\/(\w+)$/,
    (org, r, name, field) => collection(org, r, (_, fields) => upsertResult(org, r, name!, field!, fields), name),
  ],
  ['DELETE', /^\/composite\/sobjects$/, removeMany],
  ['POST', /^\/composite\/sobjects\/(\w+)$/, retrieve],
  [
    'GET',
    /^\/composite\/sobjects\/(\w+)$/,
    (org, r, name) =>
      retrieve(
        org,
        {
          ...r,
          body: {
            ids: r.query.get('ids')?.split(',') ?? [],
            fields: r.query.get('fields')?.split(',') ?? [],
          },
        },
        name!,
      ),
  ],
]

function updateById(org: Org, object: string, id: string, fields: Record<string, unknown>, user: string) {
  const { def, rows } = org.table(object)
  const row = rows.get(id)
  if (!row) throw new SalesforceError('INVALID_CROSS_REFERENCE_KEY', 'invalid cross reference id')
  if (row.deleted) throw new SalesforceError('ENTITY_IS_DELETED', 'entity is deleted')
  org.update(def.name, id, fields, user)
}

function upsertResult(org: Org, r: Request, object: string, field: string, fields: Record<string, unknown>) {
  if (fields.attributes === undefined)
    throw new SalesforceError(
      'JSON_PARSER_ERROR',
      'Nested object for polymorphic foreign key must have an attributes field before any other fields.',
    )
  const { def } = org.table(object)
  const key = def.fieldNames.get(field.toLowerCase())
  if (key === 'Id') {
    const id = normaliseId(fields.Id ?? fields.id)
    if (!id)
      return {
        id: org.create(def.name, withoutId(fields), r.session.user),
        success: true,
        errors: [],
        created: true,
      }
    updateById(org, object, id, fields, r.session.user)
    return { id, success: true, errors: [], created: false }
  }
  const value = fields[key ?? field]
  if (value === undefined || value === null || value === '')
    throw new SalesforceError('MISSING_ARGUMENT', `${key ?? field} not specified`)
  const existing = external(org, object, field, String(value))
  if (!existing) return { id: org.create(def.name, fields, r.session.user), success: true, errors: [], created: true }
  org.update(def.name, existing.id, fields, r.session.user)
  return { id: existing.id, success: true, errors: [], created: false }
}

const withoutId = ({ Id: _, id: __, ...rest }: Record<string, unknown>) => rest

/** Up to 200 records; each has its own result, or with allOrNone the whole is rolled back. */
function collection(
  org: Org,
  r: Request,
  one: (type: string, fields: Record<string, unknown>) => { id: string; success: boolean; errors: unknown[] },
  only?: string,
): Answer {
  const { records, allOrNone = false } = record(r.body) as {
    records?: (Record<string, unknown> & { attributes?: { type?: string } })[]
    allOrNone?: boolean
  }
  if (!Array.isArray(records)) throw new SalesforceError('JSON_PARSER_ERROR', 'records is required')
  if (records.length > 200)
    throw new SalesforceError(
      'EXCEEDED_MAX_SEMIJOIN_SUBSELECTS',
      `The request can't contain more than 200 records. Number of records: ${records.length}`,
    )
  if (records.length === 0) throw new SalesforceError('REQUIRED_FIELD_MISSING', 'At least 1 record is required')
  const types = new Set(records.map((x) => x.attributes?.type ?? only))
  if (types.has(undefined)) throw new SalesforceError('INVALID_INPUT', 'Missing required attributes: type')
  const results: unknown[] = []
  let failed = false
  const undo: (() => void)[] = []
  for (const input of records) {
    const type = org.find(input.attributes?.type ?? only!)?.def.name
    try {
      if (!type) throw new SalesforceError('INVALID_TYPE', `sObject type '${input.attributes?.type}' is not supported.`)
      if (org.locksRow())
        throw new SalesforceError('UNABLE_TO_LOCK_ROW', 'unable to obtain exclusive access to this record or 1 records')
      const before = allOrNone && normaliseId(input.Id ?? input.id)
      const snapshot = before ? structuredClone(org.row(type, before)) : undefined
      const result = one(type, input)
      results.push(result)
      if (allOrNone)
        undo.push(() => (snapshot ? org.restore({ o: type, row: snapshot }) : org.remove(type, result.id, r.session.user)))
    } catch (error) {
      if (error instanceof MultipleMatches) {
        results.push(
          new SalesforceError(
            'DUPLICATE_EXTERNAL_ID',
            `external id: more than one record found for external id field: [${error.ids.join(', ')}]`,
          ).toResult(),
        )
      } else if (error instanceof SalesforceError) results.push({ ...error.toResult(), ...(only && { created: false }) })
      else throw error
      failed = true
    }
  }
  if (failed && allOrNone) {
    for (const step of undo.reverse()) step()
    return ok(
      results.map((x) =>
        (x as { success: boolean }).success
          ? new SalesforceError(
              'ALL_OR_NONE_OPERATION_ROLLED_BACK',
              'Record rolled back because not all records were valid and the request was using AllOrNone header',
            ).toResult()
          : x,
      ),
    )
  }
  return ok(results)
}

function removeMany(org: Org, r: Request): Answer {
  const ids = r.query.get('ids')?.split(',') ?? []
  if (ids.length > 200)
    throw new SalesforceError(
      'LIMIT_EXCEEDED',
      `The request can't contain more than 200 records. Number of records: ${ids.length}`,
    )
  const allOrNone = r.query.get('allOrNone') === 'true'
  const results = ids.map((id) => {
    try {
      const full = normaliseId(id)
      const object = full && org.objectOfId(full)
      if (!full || !object || !org.table(object).rows.has(full))
        throw full
          ? new SalesforceError('INVALID_CROSS_REFERENCE_KEY', 'invalid cross reference id')
          : new SalesforceError('MALFORMED_ID', `malformed id ${id}`)
      if (!org.row(object, full)) throw new SalesforceError('ENTITY_IS_DELETED', 'entity is deleted')
      if (!allOrNone) org.remove(object, full, r.session.user)
      return { id: full, success: true, errors: [] }
    } catch (error) {
      if (error instanceof SalesforceError)
        return {
          ...(normaliseId(id) && error.code === 'ENTITY_IS_DELETED' ? { id: normaliseId(id) } : {}),
          ...error.toResult(),
        }
      throw error
    }
  })
  if (!allOrNone) return ok(results)
  if (results.every((x) => x.success)) {
    for (const id of ids) org.remove(org.objectOfId(normaliseId(id)!)!, normaliseId(id)!, r.session.user)
    return ok(results)
  }
  return ok(
    results.map((x) =>
      x.success
        ? {
            ...x,
            ...new SalesforceError(
              'ALL_OR_NONE_OPERATION_ROLLED_BACK',
              'Record rolled back because not all records were valid and the request was using AllOrNone header',
            ).toResult(),
          }
        : x,
    ),
  )
}

/** Reads by ids: an unknown id, a deleted row or a merge loser is null. */
function retrieve(org: Org, r: Request, object?: string): Answer {
  const { ids = [], fields = ['Id'] } = record(r.body) as { ids?: string[]; fields?: string[] }
  const { def } = org.table(object!)
  if (ids.length > 2000) throw new SalesforceError('LIMIT_EXCEEDED', "The request can't contain more than 2000 ids")
  const columns = fields.map((f) => {
    const field = def.fields.get(def.fieldNames.get(f.toLowerCase()) ?? '')
    if (!field) throw new SalesforceError('INVALID_FIELD', `No such column '${f}' on sobject of type ${def.name}`)
    return { name: field.name, read: reader(def, field) }
  })
  return ok(
    ids.map((id) => {
      const row = org.row(def.name, normaliseId(id) ?? '')
      if (!row) return null
      const body: Record<string, unknown> = {
        attributes: { type: def.name, url: `/services/data/v${r.version}/sobjects/${def.name}/${row.id}` },
      }
      for (const { name, read } of columns) body[name] = read(row)
      return body
    }),
  )
}
