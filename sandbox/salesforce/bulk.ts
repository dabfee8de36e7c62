import { parse } from 'csv-parse/sync'
import { SalesforceError } from './errors.ts'
import { normaliseId } from './ids.ts'
import type { Org } from './org.ts'
import type { Answer, Request } from './rest/route.ts'
import { plan } from './soql/plan.ts'
import { wireTime } from './values.ts'

/** Bulk API 2.0: ingest and query jobs. A job is worked off when it is told that the upload is complete. */

interface Job {
  id: string
  kind: 'ingest' | 'query'
  object: string
  operation: string
  externalIdFieldName?: string | undefined
  state: 'Open' | 'UploadComplete' | 'InProgress' | 'JobComplete' | 'Failed' | 'Aborted'
  created: number
  user: string
  version: string
  csv: string
  lineEnding: string
  columnDelimiter: string
  processed: number
  failed: number
  errorMessage?: string
  query?: string
  success: string[][]
  failures: string[][]
  unprocessed: string[]
  columns: string[]
  results: string[][]
}

const jobs = new WeakMap<Org, Map<string, Job>>()
const jobsOf = (org: Org) => {
  const found = jobs.get(org) ?? new Map<string, Job>()
  jobs.set(org, found)
  return found
}

const find = (org: Org, id: string): Job => {
  const job = jobsOf(org).get(id)
  if (!job) throw new SalesforceError('NOT_FOUND', 'The requested resource does not exist', { status: 404 })
  return job
}

const cell = (v: unknown) => `"${String(v ?? '').replaceAll('"', '""')}"`
const csv = (rows: string[][]): string => `${rows.map((r) => r.map(cell).join(',')).join('\n')}\n`

export const routes: [string, RegExp, (org: Org, r: Request, ...parts: string[]) => Answer][] = [
  ['POST', /^\/jobs\/(ingest|query)$/, (org, r, kind) => ({ status: 200, body: info(open(org, r, kind as Job['kind'])) })],
  ['GET', /^\/jobs\/(?:ingest|query)\/(\w+)$/, (org, _, id) => ({ status: 200, body: info(find(org, id!), true) })],
  [
    'GET',
    /^\/jobs\/(ingest|query)$/,
    (org, _, kind) => ({
      status: 200,
      body: {
        done: true,
        records: [...jobsOf(org).values()].filter((j) => j.kind === kind).map((j) => info(j)),
        nextRecordsUrl: null,
      },
    }),
  ],
  [
    'PUT',
    /^\/jobs\/ingest\/(\w+)\/batches$/,
    (org, r, id) => {
      const job = find(org, id!)
      if (job.state !== 'Open')
        throw new SalesforceError('INVALIDJOBSTATE', `Uploading data not allowed when job is in ${job.state} state`)
      job.csv = String(r.body)
      return { status: 201 }
    },
  ],
  [
    'PATCH',
    /^\/jobs\/(?:ingest|query)\/(\w+)$/,
    (org, r, id) => {
      const job = find(org, id!)
      const { state } = r.body as { state?: string }
      if (state === 'Aborted') job.state = 'Aborted'
      else if (state === 'UploadComplete' && job.state === 'Open') {
        // An answer to the upload does not know the outcome yet, and does not repeat the format.
        const { lineEnding: _, columnDelimiter: __, ...taken } = info({ ...job, state: 'UploadComplete' })
        work(org, job)
        return { status: 200, body: taken }
      } else throw new SalesforceError('INVALIDJOBSTATE', `Invalid job state transition: ${job.state} to ${state}`)
      return { status: 200, body: info(job) }
    },
  ],
  [
    'DELETE',
    /^\/jobs\/(?:ingest|query)\/(\w+)$/,
    (org, _, id) => {
      find(org, id!)
      jobsOf(org).delete(id!)
      return { status: 204 }
    },
  ],
  [
    'GET',
    /^\/jobs\/ingest\/(\w+)\/successfulResults$/,
    (org, _, id) => {
      const j = find(org, id!)
      return text(csv([['sf__Id', 'sf__Created', ...j.columns], ...j.success]))
    },
  ],
  [
    'GET',
    /^\/jobs\/ingest\/(\w+)\/failedResults$/,
    (org, _, id) => {
      const j = find(org, id!)
      return text(csv([['sf__Id', 'sf__Error', ...j.columns], ...j.failures]))
    },
  ],
  ['GET', /^\/jobs\/ingest\/(\w+)\/unprocessedrecords$/, (org, _, id) => text(csv([find(org, id!).columns]))],
  [
    'GET',
    /^\/jobs\/query\/(\w+)\/results$/,
    (org, r, id) => {
      const job = find(org, id!)
      const from = Number(r.query.get('locator') ?? 0)
      const end = from + Number(r.query.get('maxRecords') ?? 50_000)
      const page = job.results.slice(from, end)
      return {
        ...text(csv([job.columns, ...page])),
        headers: {
          'Sforce-Locator': end < job.results.length ? String(end) : 'null',
          'Sforce-NumberOfRecords': String(page.length),
        },
      }
    },
  ],
]

const text = (body: string): Answer => ({ status: 200, text: body, contentType: 'text/csv' })

function open(org: Org, r: Request, kind: Job['kind']): Job {
  const body = r.body as Record<string, string | undefined>
  const number = jobsOf(org).size + 1
  const job: Job = {
    id: normaliseId(`7505g0000${String(number).padStart(6, '0')}`)!,
    kind,
    object: body.object ?? '',
    operation: body.operation ?? 'insert',
    externalIdFieldName: body.externalIdFieldName,
    state: kind === 'query' ? 'UploadComplete' : 'Open',
    created: org.clock.now(),
    user: r.session.user,
    version: r.version,
    csv: '',
    lineEnding: body.lineEnding ?? 'LF',
    columnDelimiter: body.columnDelimiter ?? 'COMMA',
    processed: 0,
    failed: 0,
    success: [],
    failures: [],
    unprocessed: [],
    columns: [],
    results: [],
  }
  if (kind === 'query') {
    job.query = body.query ?? ''
    const { def, rows, render } = plan(org, job.query, {
      all: job.operation === 'queryAll',
      version: r.version,
    })
    job.object = def.name
    const records = rows.map(render)
    job.columns = Object.keys(records[0] ?? {}).filter((k) => k !== 'attributes')
    job.results = records.map((record) => job.columns.map((c) => String(record[c] ?? '')))
    job.processed = rows.length
    jobsOf(org).set(job.id, job)
    const opened = { ...job }
    job.state = 'JobComplete'
    return opened
  }
  org.table(job.object)
  jobsOf(org).set(job.id, job)
  return job
}

function work(org: Org, job: Job): void {
  const delimiter =
    ({ COMMA: ',', SEMICOLON: ';', TAB: '\t', PIPE: '|', CARET: '^', BACKQUOTE: '`' } as Record<string, string>)[
      job.columnDelimiter
    ] ?? ','
  const rows = parse(job.csv, { delimiter, relax_column_count: true }) as string[][]
  job.columns = rows.shift() ?? []
  const { def } = org.table(job.object)
  const unknown = job.columns.find((c) => !def.fieldNames.has(c.toLowerCase()))
  job.state = unknown ? 'Failed' : org.slowJobs ? 'InProgress' : 'JobComplete'
  if (unknown) {
    job.errorMessage = `InvalidBatch : Field name not found : ${unknown}`
    return
  }
  for (const row of rows) {
    // An empty cell is left alone; #N/A clears.
    const fields = Object.fromEntries(
      job.columns
        .map((c, i) => [c, row[i]] as const)
        .filter(([, v]) => v !== undefined && v !== '')
        .map(([c, v]) => [c, v === '#N/A' ? null : v]),
    )
    const id = normaliseId(fields.Id)
    job.processed++
    try {
      let result = id
      let created = false
      if (job.operation === 'delete' || job.operation === 'hardDelete') org.remove(def.name, id ?? '', job.user)
      else if (job.operation === 'update') org.update(def.name, id ?? '', fields, job.user)
      else {
        const existing =
          job.operation === 'upsert'
            ? org.byUnique(def.name, job.externalIdFieldName ?? '', String(fields[job.externalIdFieldName ?? ''] ?? ''))
            : undefined
        created = !existing
        if (existing) org.update(def.name, existing.id, fields, job.user)
        result = existing?.id ?? org.create(def.name, fields, job.user)
      }
      job.success.push([result ?? '', String(created), ...row])
    } catch (error) {
      if (!(error instanceof SalesforceError)) throw error
      job.failed++
      job.failures.push([id ?? '', `${error.code}:${error.message}:${error.fields?.join(',') ?? ''} --`, ...row])
    }
  }
}

function info(job: Job, full = false) {
  return {
    id: job.id,
    operation: job.operation,
    object: job.object,
    createdById: job.user,
    createdDate: wireTime(job.created),
    systemModstamp: wireTime(job.created),
    state: job.state,
    ...(job.externalIdFieldName && { externalIdFieldName: job.externalIdFieldName }),
    concurrencyMode: 'Parallel',
    contentType: 'CSV',
    apiVersion: Number(job.version),
    ...(job.kind === 'ingest'
      ? job.state === 'Open' && !full
        ? { contentUrl: `services/data/v${job.version}/jobs/ingest/${job.id}/batches` }
        : {}
      : {}),
    lineEnding: job.lineEnding,
    columnDelimiter: job.columnDelimiter,
    ...(full && {
      jobType: job.kind === 'query' ? 'V2Query' : 'V2Ingest',
      ...(job.state === 'Open' && {
        contentUrl: `services/data/v${job.version}/jobs/ingest/${job.id}/batches`,
      }),
      retries: 0,
      totalProcessingTime: job.processed,
      ...(job.kind === 'ingest' && {
        apiActiveProcessingTime: job.processed,
        apexProcessingTime: 0,
        numberRecordsFailed: job.failed,
      }),
      numberRecordsProcessed: job.processed,
      ...(job.errorMessage && { errorMessage: job.errorMessage }),
    }),
  }
}
