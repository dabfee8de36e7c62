import { SalesforceError } from '../errors.ts'
import { PERSON, type Row } from '../model.ts'
import type { Org } from '../org.ts'
import { plan } from '../soql/plan.ts'
import { type Answer, ok, type Request, type Route } from './route.ts'

/** `/query`, `/queryAll` and their further pages. */

/** Result pages that wait to be fetched: locator -> what is left. */
const cursors = new WeakMap<Org, Map<string, { rows: Row[]; render: (row: Row) => unknown; pageSize: number }>>()
let serial = 0

export const routes: Route[] = [
  ['GET', /^\/query$/, (org, r) => runQuery(org, r, false)],
  ['GET', /^\/queryAll$/, (org, r) => runQuery(org, r, true)],
  ['GET', /^\/query(?:All)?\/(\w+-\d+)$/, (org, r, locator) => nextPage(org, r, locator!)],
]

function runQuery(org: Org, r: Request, all: boolean): Answer {
  const soql = r.query.get('q') ?? ''
  if (!soql.trim()) throw new SalesforceError('MALFORMED_QUERY', 'A query string has to be specified')
  const { rows: matching, render, countOnly, aggregates } = plan(org, soql, { all, version: r.version })
  const rows = r.session.user === PERSON ? matching : matching.filter((row) => !org.hiddenRows.has(row.id))
  if (countOnly) return ok({ totalSize: rows.length, done: true, records: [] })
  if (aggregates) return ok({ totalSize: aggregates.length, done: true, records: aggregates })
  const hint = Number(/batchSize=(\d+)/.exec(r.headers['sforce-query-options'] ?? '')?.[1] ?? 2000)
  const pageSize = Math.min(org.pageRows, Math.max(200, hint))
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
