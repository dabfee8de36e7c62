import * as bulk from './bulk.ts'
import { describe, describeGlobalEntry } from './describe.ts'
import { SalesforceError } from './errors.ts'
import { normaliseId } from './ids.ts'
import type { Org, Row } from './org.ts'
import type { Session } from './session.ts'
import { plan } from './soql.ts'
import { wireTime } from './values.ts'

/** One REST request, apart from HTTP: composite sub-requests take the same way. */
export interface Request {
  method: string
  /** Path below /services/data/vXX.0, without query. */
  path: string
  version: string
  query: URLSearchParams
  headers: Record<string, string | undefined>
  body: unknown
  session: Session
}

export interface Answer {
  status: number
  body?: unknown
  /** Text body with its content type, for CSV. */
  text?: string
  contentType?: string
  headers?: Record<string, string>
}

type Handler = (org: Org, r: Request, ...parts: string[]) => Answer

const ok = (body: unknown, status = 200): Answer => ({ status, body })
const record = (body: unknown): Record<string, unknown> => {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new SalesforceError('JSON_PARSER_ERROR', 'The HTTP entity body is required, but this request has no entity body.')
  return body as Record<string, unknown>
}

/** Result pages that wait to be fetched: locator -> what is left. */
const cursors = new WeakMap<Org, Map<string, { rows: Row[]; render: (row: Row) => unknown; pageSize: number }>>()
let serial = 0

const routes: [string, RegExp, Handler][] = [
  [
    'GET',
    /^$/,
    (_, r) =>
      ok(
        Object.fromEntries(
          [
            'tooling',
            'metadata',
            'eclair',
            'folders',
            'jsonxform',
            'appMenu',
            'quickActions',
            'prechatForms',
            'query',
            'queryAll',
            'composite',
            'parameterizedSearch',
            'search',
            'identity',
            'sobjects',
            'limits',
            'recent',
            'jobs',
          ].map((k) => [
            k,
            k === 'identity' ? `https://login.salesforce.com/id/${r.session.user}` : `/services/data/v${r.version}/${k}`,
          ]),
        ),
      ),
  ],
  [
    'GET',
    /^\/sobjects$/,
    (org, r) =>
      ok({
        encoding: 'UTF-8',
        maxBatchSize: 200,
        sobjects: [...org.tables.values()].map((t) => describeGlobalEntry(t.def, r.version)),
      }),
  ],
  ['GET', /^\/sobjects\/(\w+)\/describe$/, (org, r, name) => ok(describe(org, org.table(name!).def, r.version))],
  [
    'GET',
    /^\/sobjects\/(\w+)$/,
    (org, r, name) => ok({ objectDescribe: describeGlobalEntry(org.table(name!).def, r.version), recentItems: [] }),
  ],
  ['GET', /^\/sobjects\/(\w+)\/updated$/, updated],
  ['GET', /^\/sobjects\/(\w+)\/deleted$/, deleted],
  [
    'POST',
    /^\/sobjects\/(\w+)$/,
    (org, r, name) =>
      ok(
        {
          id: org.create(org.table(name!).def.name, record(r.body), r.session.user),
          success: true,
          errors: [],
        },
        201,
      ),
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
  ['GET', /^\/query$/, (org, r) => runQuery(org, r, false)],
  ['GET', /^\/queryAll$/, (org, r) => runQuery(org, r, true)],
  ['GET', /^\/query(?:All)?\/(\w+-\d+)$/, (org, r, locator) => nextPage(org, r, locator!)],
  ['GET', /^\/limits$/, (org) => ok(limits(org))],
  [
    'GET',
    /^\/limits\/recordCount$/,
    (org, r) =>
      ok({
        sObjects: (r.query.get('sObjects')?.split(',') ?? [...org.tables.keys()])
          .map((n) => org.find(n))
          .filter((t) => t !== undefined)
          .map((t) => ({ count: [...t.rows.values()].filter((x) => !x.deleted).length, name: t.def.name })),
      }),
  ],
  [
    'GET',
    /^\/recent$/,
    (org, r) =>
      ok(
        [...org.table('Account').rows.values()].slice(0, 2).map((row) => ({
          attributes: { type: 'Account', url: `/services/data/v${r.version}/sobjects/Account/${row.id}` },
          Id: row.id,
          Name: row.values.Name,
        })),
      ),
  ],
  ['GET', /^\/search$/, search],
  ['POST', /^\/composite$/, composite],
  ['POST', /^\/composite\/batch$/, batch],
  ['POST', /^\/composite\/graph$/, graph],
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
  ...bulk.routes,
]

/** Answers one request. @throws SalesforceError for anything the API would refuse. */
export function handle(org: Org, r: Request): Answer {
  const path = r.path.length > 1 ? r.path.replace(/\/$/, '') : r.path === '/' ? '' : r.path
  let known = false
  for (const [method, pattern, handler] of routes) {
    const match = pattern.exec(path)
    if (!match) continue
    known = true
    if (method === r.method) return handler(org, r, ...match.slice(1))
  }
  if (known)
    throw new SalesforceError('METHOD_NOT_ALLOWED', `HTTP Method '${r.method}' not allowed. Allowed are HEAD,GET,POST`, {
      status: 405,
    })
  throw new SalesforceError('NOT_FOUND', 'The requested resource does not exist', { status: 404 })
}

function rowOf(org: Org, object: string, id: string, withDeleted = false): Row {
  const table = org.table(object)
  const full = normaliseId(id)
  const row = full ? table.rows.get(full) : undefined
  if (!full || !row)
    throw full && full.slice(0, 3) !== table.def.prefix
      ? new SalesforceError('MALFORMED_ID', `malformed id ${id}`)
      : new SalesforceError('NOT_FOUND', 'The requested resource does not exist', { status: 404 })
  if (row.deleted && !withDeleted) throw new SalesforceError('ENTITY_IS_DELETED', 'entity is deleted', { status: 404 })
  return row
}

function external(org: Org, object: string, field: string, value: string): Row | undefined {
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

class MultipleMatches extends Error {
  readonly ids: string[]
  constructor(ids: string[]) {
    super('multiple')
    this.ids = ids
  }
}

function readRow(org: Org, r: Request, object: string, id: string): Answer {
  const { def } = org.table(object)
  const row = rowOf(org, object, id)
  const since = r.headers['if-modified-since']
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
  return { status: 200, body, headers: { 'Last-Modified': new Date(row.modified).toUTCString() } }
}

function updateById(org: Org, object: string, id: string, fields: Record<string, unknown>, user: string) {
  const { def, rows } = org.table(object)
  const row = rows.get(id)
  if (!row) throw new SalesforceError('INVALID_CROSS_REFERENCE_KEY', 'invalid cross reference id')
  if (row.deleted) throw new SalesforceError('ENTITY_IS_DELETED', 'entity is deleted')
  org.update(def.name, id, fields, user)
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
    return ok({ id, success: true, errors: [], ...(!legacy && { created: true }) }, 201)
  } catch (error) {
    if (!(error instanceof MultipleMatches)) throw error
    return {
      status: 300,
      body: error.ids.map((id) => `/services/data/v${r.version}/sobjects/${org.table(object).def.name}/${id}`),
    }
  }
}

function upsertResult(org: Org, r: Request, object: string, field: string, fields: Record<string, unknown>) {
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
  const types = new Set(records.map((x) => x.attributes?.type ?? only))
  if (types.has(undefined)) throw new SalesforceError('INVALID_INPUT', 'Missing required attributes: type')
  const results: unknown[] = []
  let failed = false
  const undo: (() => void)[] = []
  for (const input of records) {
    const type = org.find(input.attributes?.type ?? only!)?.def.name
    try {
      if (!type) throw new SalesforceError('INVALID_TYPE', `sObject type '${input.attributes?.type}' is not supported.`)
      const before = normaliseId(input.Id ?? input.id)
      const snapshot = before ? structuredClone(org.row(type, before)) : undefined
      const result = one(type, input)
      results.push(result)
      undo.push(() => (snapshot ? org.restore({ o: type, row: snapshot }) : org.remove(type, result.id, r.session.user)))
    } catch (error) {
      if (error instanceof MultipleMatches) {
        results.push(
          new SalesforceError(
            'DUPLICATE_EXTERNAL_ID',
            `external id: more than one record found for external id field: [${error.ids.join(', ')}]`,
          ).toResult(),
        )
      } else if (error instanceof SalesforceError) results.push(error.toResult())
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
  const names = fields.map((f) => {
    const name = def.fieldNames.get(f.toLowerCase())
    if (!name) throw new SalesforceError('INVALID_FIELD', `No such column '${f}' on sobject of type ${def.name}`)
    return name
  })
  return ok(
    ids.map((id) => {
      const row = org.row(def.name, normaliseId(id) ?? '')
      if (!row) return null
      const body: Record<string, unknown> = {
        attributes: { type: def.name, url: `/services/data/v${r.version}/sobjects/${def.name}/${row.id}` },
      }
      for (const name of names) body[name] = org.value(def, row, name)
      return body
    }),
  )
}

function runQuery(org: Org, r: Request, all: boolean): Answer {
  const soql = r.query.get('q') ?? ''
  if (!soql.trim()) throw new SalesforceError('MALFORMED_QUERY', 'A query string has to be specified')
  const { rows, render, countOnly, aggregates } = plan(org, soql, { all, version: r.version })
  if (countOnly) return ok({ totalSize: rows.length, done: true, records: [] })
  if (aggregates) return ok({ totalSize: aggregates.length, done: true, records: aggregates })
  const hint = Number(/batchSize=(\d+)/.exec(r.headers['sforce-query-options'] ?? '')?.[1] ?? 2000)
  const pageSize = Math.min(2000, Math.max(200, hint))
  if (rows.length <= pageSize) return ok({ totalSize: rows.length, done: true, records: rows.map(render) })
  const id = `0r8xx${(++serial).toString(36).padStart(13, 'A')}`
  const open = cursors.get(org) ?? new Map()
  cursors.set(org, open)
  open.set(id, { rows, render, pageSize })
  // At most ten cursors are kept per user; the oldest goes.
  if (open.size > 10) open.delete(open.keys().next().value!)
  return ok({
    totalSize: rows.length,
    done: false,
    nextRecordsUrl: `/services/data/v${r.version}/query/${id}-${pageSize}`,
    records: rows.slice(0, pageSize).map(render),
  })
}

function nextPage(org: Org, r: Request, locator: string): Answer {
  const [id, at] = locator.split('-') as [string, string]
  const cursor = cursors.get(org)?.get(id)
  if (!cursor) throw new SalesforceError('INVALID_QUERY_LOCATOR', 'invalid query locator')
  const from = Number(at)
  const end = from + cursor.pageSize
  const done = end >= cursor.rows.length
  return ok({
    totalSize: cursor.rows.length,
    done,
    ...(!done && { nextRecordsUrl: `/services/data/v${r.version}/query/${id}-${end}` }),
    records: cursor.rows.slice(from, end).map(cursor.render),
  })
}

function span(r: Request): [number, number] {
  const [start, end] = [r.query.get('start'), r.query.get('end')].map((t) => Date.parse((t ?? '').replace(' ', '+'))) as [
    number,
    number,
  ]
  if (Number.isNaN(start) || Number.isNaN(end))
    throw new SalesforceError('INVALID_REPLICATION_DATE', 'start and end are required')
  // Seconds are ignored.
  return [Math.floor(start / 60_000) * 60_000, Math.ceil(end / 60_000) * 60_000]
}

function updated(org: Org, r: Request, name?: string): Answer {
  const [start, end] = span(r)
  return ok({
    ids: org
      .changedSince(org.table(name!).def.name, start)
      .filter((x) => !x.deleted && x.stamp <= end)
      .map((x) => x.id),
    latestDateCovered: wireTime(Math.min(end, Math.floor(org.clock.now() / 60_000) * 60_000)),
  })
}

function deleted(org: Org, r: Request, name?: string): Answer {
  const [start, end] = span(r)
  const rows = org.changedSince(org.table(name!).def.name, start).filter((x) => x.deleted && x.stamp <= end)
  return ok({
    deletedRecords: rows.map((x) => ({ deletedDate: wireTime(x.stamp), id: x.id })),
    earliestDateAvailable: wireTime(Math.floor((org.clock.now() - 30 * 86_400_000) / 60_000) * 60_000),
    latestDateCovered: wireTime(Math.min(end, Math.floor(org.clock.now() / 60_000) * 60_000)),
  })
}

function search(org: Org, r: Request): Answer {
  const term = /FIND\s*\{([^}]*)\}/i.exec(r.query.get('q') ?? '')?.[1]?.toLowerCase()
  if (term === undefined)
    throw new SalesforceError('MALFORMED_SEARCH', 'No search term found. The search term must be enclosed in braces.')
  const found = ['Account', 'Contact', 'Opportunity'].flatMap((name) =>
    [...org.table(name).rows.values()]
      .filter(
        (x) =>
          !x.deleted &&
          String(x.values.Name ?? '')
            .toLowerCase()
            .includes(term),
      )
      .slice(0, 20)
      .map((row) => ({
        attributes: { type: name, url: `/services/data/v${r.version}/sobjects/${name}/${row.id}` },
        Id: row.id,
      })),
  )
  return ok(found.length || Number(r.version) >= 37 ? { searchRecords: found } : found)
}

function limits(org: Org) {
  const of = (max: number, used = 0) => ({ Max: max, Remaining: max - used })
  return {
    AnalyticsExternalDataSizeMB: of(40960),
    BOZosCalloutHourlyLimit: of(20000),
    ConcurrentAsyncGetReportInstances: of(200),
    ConcurrentEinsteinDataInsightsStoryCreation: of(5),
    ConcurrentSyncReportRuns: of(20),
    DailyAnalyticsDataflowJobExecutions: of(60),
    DailyApiRequests: of(org.calls.limit, Math.min(org.calls.used, org.calls.limit)),
    DailyAsyncApexExecutions: of(250000),
    DailyBulkApiBatches: of(15000),
    DailyBulkV2QueryFileStorageMB: of(976562),
    DailyBulkV2QueryJobs: of(10000),
    DailyDeliveredPlatformEvents: of(10000),
    DailyDurableGenericStreamingApiEvents: of(10000),
    DailyDurableStreamingApiEvents: of(10000),
    DailyGenericStreamingApiEvents: of(10000),
    DailyStandardVolumePlatformEvents: of(10000),
    DailyStreamingApiEvents: of(10000),
    DailyWorkflowEmails: of(500),
    DataStorageMB: of(1024, 12),
    DurableStreamingApiConcurrentClients: of(20),
    FileStorageMB: of(1024, 3),
    HourlyAsyncReportRuns: of(1200),
    HourlyDashboardRefreshes: of(200),
    HourlyODataCallout: of(1000),
    HourlyPublishedPlatformEvents: of(50000),
    HourlyPublishedStandardVolumePlatformEvents: of(1000),
    HourlySyncReportRuns: of(500),
    HourlyTimeBasedWorkflow: of(1000),
    MassEmail: of(5000),
    MonthlyPlatformEventsUsageEntitlement: of(0),
    PermissionSets: { Max: 1500, Remaining: 1490, CreateCustom: of(1000, 5) },
    SingleEmail: of(5000),
    StreamingApiConcurrentClients: of(20),
  }
}

// --- composites -------------------------------------------------------------------------------------

interface SubRequest {
  method: string
  url: string
  body?: unknown
  referenceId?: string
  httpHeaders?: Record<string, string>
}

/** Replaces @{ref.path} in texts of a sub-request by values of earlier answers. */
function substitute<T>(value: T, answers: Map<string, unknown>): T {
  const text = JSON.stringify(value)
  if (text === undefined || !text.includes('@{')) return value
  return JSON.parse(
    text.replace(/@\{([^}]+)\}/g, (whole, path: string) => {
      const [ref, ...keys] = path.split('.') as [string, ...string[]]
      let current: unknown = answers.get(ref)
      for (const key of keys)
        current = key
          .split(/[[\]]/)
          .filter(Boolean)
          .reduce<unknown>((o, k) => (o as Record<string, unknown> | undefined)?.[k], current)
      if (current === undefined)
        throw new SalesforceError('PROCESSING_HALTED', `Invalid reference specified. No value for ${path} found in ${ref}`)
      return JSON.stringify(String(current)).slice(1, -1) || whole
    }),
  ) as T
}

/** Runs one sub-request of a composite; its errors are its answer. */
function sub(org: Org, parent: Request, request: SubRequest): Answer {
  try {
    const url = new URL(request.url, 'http://local')
    const match = /^(?:\/services\/data)?\/v([\d.]+)(\/.*)?$/.exec(url.pathname)
    if (!match) throw new SalesforceError('NOT_FOUND', 'The requested resource does not exist', { status: 404 })
    const headers = Object.fromEntries(Object.entries(request.httpHeaders ?? {}).map(([k, v]) => [k.toLowerCase(), v]))
    return handle(org, {
      method: request.method.toUpperCase(),
      path: match[2] ?? '',
      version: match[1]!,
      query: url.searchParams,
      headers,
      body: request.body,
      session: parent.session,
    })
  } catch (error) {
    if (error instanceof SalesforceError) return { status: error.status, body: error.toBody() }
    throw error
  }
}

function composite(org: Org, r: Request): Answer {
  const { compositeRequest, allOrNone = false } = record(r.body) as {
    compositeRequest?: SubRequest[]
    allOrNone?: boolean
  }
  if (!Array.isArray(compositeRequest)) throw new SalesforceError('JSON_PARSER_ERROR', 'compositeRequest is required')
  if (compositeRequest.length > 25)
    throw new SalesforceError(
      'LIMIT_EXCEEDED',
      `Limit exceeded: a composite request holds at most 25 subrequests, got ${compositeRequest.length}`,
    )
  if (compositeRequest.filter((c) => /\/query(All)?[/?]/.test(c.url)).length > 5)
    throw new SalesforceError('LIMIT_EXCEEDED', 'Limit exceeded: a composite request holds at most 5 query subrequests')
  const answers = new Map<string, unknown>()
  const results: {
    body: unknown
    httpHeaders: Record<string, string>
    httpStatusCode: number
    referenceId: string | undefined
  }[] = []
  let failed = false
  for (const request of compositeRequest) {
    let answer: Answer
    try {
      if (failed && allOrNone)
        throw new SalesforceError(
          'PROCESSING_HALTED',
          'The transaction was rolled back since another operation in the same transaction failed.',
        )
      const { referenceId: _, ...rest } = request
      answer = sub(org, r, substitute(rest, answers))
    } catch (error) {
      if (!(error instanceof SalesforceError)) throw error
      answer = { status: error.status, body: error.toBody() }
    }
    failed ||= answer.status >= 400
    if (request.referenceId) answers.set(request.referenceId, answer.body)
    results.push({
      body: answer.body ?? null,
      httpHeaders:
        answer.headers ??
        (answer.status === 201 && (answer.body as { id?: string })?.id
          ? {
              Location: `${new URL(request.url, 'http://x').pathname.split('/').slice(0, 6).join('/')}/${(answer.body as { id: string }).id}`,
            }
          : {}),
      httpStatusCode: answer.status,
      referenceId: request.referenceId,
    })
  }
  return ok({ compositeResponse: results })
}

function batch(org: Org, r: Request): Answer {
  const { batchRequests = [] } = record(r.body) as {
    batchRequests?: { method: string; url: string; richInput?: unknown }[]
  }
  if (batchRequests.length > 25) throw new SalesforceError('LIMIT_EXCEEDED', 'Limit exceeded: a batch holds at most 25 requests')
  const results = batchRequests.map((b) =>
    sub(org, r, {
      method: b.method,
      url: b.url.startsWith('/') ? b.url : `/services/data/${b.url}`,
      body: b.richInput,
    }),
  )
  return ok({
    hasErrors: results.some((x) => x.status >= 400),
    results: results.map((x) => ({ statusCode: x.status, result: x.body ?? null })),
  })
}

function graph(org: Org, r: Request): Answer {
  const { graphs = [] } = record(r.body) as { graphs?: { graphId: string; compositeRequest: SubRequest[] }[] }
  return ok({
    graphs: graphs.map((g) => {
      const answer = composite(org, {
        ...r,
        body: { compositeRequest: g.compositeRequest.slice(0, 25), allOrNone: true },
      })
      const graphResponse = answer.body as { compositeResponse: { httpStatusCode: number }[] }
      return {
        graphId: g.graphId,
        graphResponse,
        isSuccessful: graphResponse.compositeResponse.every((c) => c.httpStatusCode < 400),
      }
    }),
  })
}
