import { SalesforceError } from '../errors.ts'
import type { Org } from '../org.ts'
import { external, MultipleMatches, rowOf } from './lookup.ts'
import { type Answer, ok, type Request, type Route, record } from './route.ts'

/** `/sobjects/X/...`: create, read, change, upsert and delete single records. */

export const routes: Route[] = [
  [
    'POST',
    /^\/sobjects\/(\w+)$/,
    (org, r, name) =>
      created(r, org.table(name!).def.name, org.create(org.table(name!).def.name, record(r.body), r.session.user)),
  ],
  ['GET', /^\/sobjects\/(\w+)\/(\w+)$/, (org, r, name, id) => readRow(org, r, name!, id!)],
  ['PATCH', /^\/sobjects\/(\w+)\/(\w+)$/, updateRow],
  [
    'DELETE',
    /^\/sobjects\/(\w+)\/(\w+)$/,
    (org, r, name, id) => {
      org.remove(org.table(name!).def.name, rowOf(org, name!, id!).id, r.session.user)
      return { status: 204 }
    },
  ],
  [
    'GET',
    /^\/sobjects\/(\w+)\/(\w+)\/(.+)$/,
    (org, r, name, field, value) =>
      readRow(org, r, name!, external(org, name!, field!, decodeURIComponent(value!))?.id ?? 'none'),
  ],
  [
    'PATCH',
    /^\/sobjects\/(\w+)\/(\w+)\/(.*)$/,
    (org, r, name, field, value) => upsertOne(org, r, name!, field!, decodeURIComponent(value!)),
  ],
]

function readRow(org: Org, r: Request, object: string, id: string): Answer {
  const { def } = org.table(object)
  const row = rowOf(org, object, id)
  const since = r.headers['if-modified-since']
  // Only accounts have tags.
  const tag = { ...(def.name === 'Account' && { ETag: `"${Buffer.from(`${row.id}${row.modified}`).toString('base64')}"` }) }
  if (since && row.modified <= Date.parse(since)) return { status: 304 }
  const names = r.query.get('fields')?.split(',') ?? [...def.fields.keys()]
  const body: Record<string, unknown> = {
    attributes: { type: def.name, url: `/services/data/v${r.version}/sobjects/${def.name}/${row.id}` },
  }
  for (const given of names) {
    const name = def.fieldNames.get(given.trim().toLowerCase())
    if (!name) throw new SalesforceError('INVALID_FIELD', `No such column '${given}' on sobject of type ${def.name}`)
    body[name] = org.value(def, row, name)
  }
  return { status: 200, body, headers: { ...tag, 'Last-Modified': new Date(row.modified).toUTCString() } }
}

function updateRow(org: Org, r: Request, object?: string, id?: string): Answer {
  const row = rowOf(org, object!, id!)
  const unmodified = r.headers['if-unmodified-since']
  if (unmodified && row.modified > Date.parse(unmodified))
    throw new SalesforceError('PRECONDITION_FAILED', 'The record was modified since the given date', {
      status: 412,
    })
  const fields = record(r.body)
  if ('Id' in fields || 'id' in fields)
    throw new SalesforceError('INVALID_FIELD', 'The Id field should not be specified in the sobject data.')
  org.update(org.table(object!).def.name, row.id, fields, r.session.user)
  return { status: 204 }
}

function upsertOne(org: Org, r: Request, object: string, field: string, value: string): Answer {
  try {
    const existing = external(org, object, field, value)
    const { def } = org.table(object)
    const fields = record(r.body)
    const legacy = Number(r.version) < 46
    if (existing) {
      org.update(def.name, existing.id, fields, r.session.user)
      return legacy ? { status: 204 } : ok({ id: existing.id, success: true, errors: [], created: false })
    }
    const id = org.create(def.name, { ...fields, [field]: value }, r.session.user)
    return created(r, def.name, id, legacy ? {} : { created: true })
  } catch (error) {
    if (!(error instanceof MultipleMatches)) throw error
    return {
      status: 300,
      body: error.ids.map((id) => `/services/data/v${r.version}/sobjects/${org.table(object).def.name}/${id}`),
    }
  }
}

/** The answer to a create: the new row's id, and where it is. */
function created(r: Request, object: string, id: string, more: Record<string, unknown> = {}): Answer {
  return {
    status: 201,
    body: { id, success: true, errors: [], ...more },
    headers: { Location: `/services/data/v${r.version}/sobjects/${object}/${id}` },
  }
}
