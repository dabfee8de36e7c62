import { parseQuery, type Query } from '@jetstreamapp/soql-parser-js'
import { SalesforceError } from '../errors.ts'
import type { Row } from '../model.ts'
import type { Org } from '../org.ts'
import type { ObjectDef } from '../schema.ts'
import { access } from './access.ts'
import { aggregates } from './aggregates.ts'
import { comparator, rising } from './order.ts'
import { projection, type Rendered } from './projection.ts'
import { malformed, type OrderBy, type Selected, type WhereNode } from './syntax.ts'
import { compileWhere } from './where.ts'

/** Runs SOQL over the org's rows: the dialect that connectors and people use, not all of it. */

export interface Plan {
  def: ObjectDef
  rows: Row[]
  render: (row: Row) => Rendered
  /** SELECT COUNT(): a number instead of rows. */
  countOnly: boolean
  /** GROUP BY and aggregates: finished records. */
  aggregates?: Record<string, unknown>[]
}

/** Parses and plans a query. @throws SalesforceError as the real API words it. */
export function plan(org: Org, soql: string, options: { all: boolean; version: string }): Plan {
  let query: Query
  try {
    // Without options the package keeps its parser; with any it builds a new one for each query.
    query = parseQuery(soql)
  } catch (error) {
    throw malformed(`\n${soql.slice(0, 60)}\n^\nERROR at Row:1:Column:1\n${(error as Error).message.split('\n')[0]}`)
  }
  const name = query.sObject ?? ''
  if (name.toLowerCase() === 'fielddefinition') org.refreshDefinitions()
  const table = org.find(name)
  if (!table) {
    const column = Math.max(soql.toLowerCase().lastIndexOf(name.toLowerCase()) + 1, 1)
    throw new SalesforceError(
      'INVALID_TYPE',
      `\n${soql.slice(0, 80)}\n${' '.repeat(Math.min(column, 60))}^\nERROR at Row:1:Column:${column}\nsObject type '${name}' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.`,
    )
  }
  const { def } = table
  const where = query.where as WhereNode | undefined
  const matches = compileWhere(org, def, where)
  const select = (query.fields ?? []) as Selected[]
  const order = [query.orderBy ?? []].flat() as OrderBy[]
  const aggregate = select.some((f) => f.type === 'FieldFunctionExpression' && f.functionName !== 'FIELDS')
  const sorted = rising(order)
  const found = access(org, table, where, aggregate ? '' : sorted)
  const wanted = (row: Row) => (options.all || !row.deleted) && matches(row)
  if (aggregate && select.length === 1 && select[0]!.functionName === 'COUNT' && select[0]!.parameters?.length === 0)
    return {
      def,
      rows: take(found.rows, wanted),
      render: () => ({ attributes: { type: def.name, url: '' } }),
      countOnly: true,
    }
  if (aggregate || query.groupBy)
    return {
      def,
      rows: [],
      render: () => ({ attributes: { type: 'AggregateResult', url: '' } }),
      countOnly: false,
      aggregates: aggregates(org, def, take(found.rows, wanted), query, select),
    }
  const render = projection(org, def, select, options.version)
  const { offset = 0, limit = Number.POSITIVE_INFINITY } = query
  // Rows that come in the order that is asked for are looked at no further than the page reaches.
  const inOrder = order.length === 0 || sorted === found.order
  const rows = take(found.rows, wanted, inOrder ? offset + limit : undefined)
  if (!inOrder) rows.sort(comparator(org, def, order))
  return { def, rows: rows.slice(offset, offset + limit), render, countOnly: false }
}

function take(rows: Iterable<Row>, wanted: (row: Row) => boolean, limit = Number.POSITIVE_INFINITY): Row[] {
  const taken: Row[] = []
  if (limit > 0)
    for (const row of rows) {
      if (!wanted(row)) continue
      taken.push(row)
      if (taken.length >= limit) break
    }
  return taken
}
