import { parseQuery, type Query } from '@jetstreamapp/soql-parser-js'
import { SalesforceError } from './errors.ts'
import { normaliseId } from './ids.ts'
import type { Org, Row } from './org.ts'
import type { FieldDef, ObjectDef } from './schema.ts'
import type { Wire } from './values.ts'

/** Runs SOQL over the org's rows: the dialect that connectors and people use, not all of it. */

type Predicate = (row: Row) => boolean
type Getter = (row: Row) => Wire
type Rendered = { attributes: { type: string; url: string }; [field: string]: unknown }
type Projection = (row: Row) => Rendered

export interface Plan {
  def: ObjectDef
  rows: Row[]
  render: Projection
  /** SELECT COUNT(): a number instead of rows. */
  countOnly: boolean
  /** GROUP BY and aggregates: finished records. */
  aggregates?: Record<string, unknown>[]
}

// The parser's condition list is a chain; its published type is a union too wide to be of help here.
interface Condition {
  field?: string
  operator?: string
  value?: string | string[]
  literalType?: string | string[]
  dateLiteralVariable?: number
  openParen?: number
  closeParen?: number
}
interface WhereNode {
  left: Condition | null
  operator?: string
  right?: WhereNode
}

const malformed = (message: string) => new SalesforceError('MALFORMED_QUERY', message)

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
  const predicate = where ? compileWhere(org, def, where) : () => true
  let rows = candidates(org, def, where).filter((r) => (options.all || !r.deleted) && predicate(r))
  const select = (query.fields ?? []) as {
    type: string
    field?: string
    functionName?: string
    parameters?: unknown[]
    alias?: string
    relationships?: string[]
    subquery?: Query
  }[]
  const aggregate = select.some((f) => f.type === 'FieldFunctionExpression' && f.functionName !== 'FIELDS')
  if (aggregate && select.length === 1 && select[0]!.functionName === 'COUNT' && select[0]!.parameters?.length === 0)
    return { def, rows, render: () => ({ attributes: { type: def.name, url: '' } }), countOnly: true }
  if (aggregate || query.groupBy)
    return {
      def,
      rows: [],
      render: () => ({ attributes: { type: 'AggregateResult', url: '' } }),
      countOnly: false,
      aggregates: aggregates(org, def, rows, query, select),
    }
  const order = [query.orderBy ?? []].flat() as { field: string; order?: string; nulls?: string }[]
  if (order.length > 0) rows.sort(comparator(org, def, order))
  if (query.offset) rows = rows.slice(query.offset)
  if (query.limit !== undefined) rows = rows.slice(0, query.limit)
  return { def, rows, render: projection(org, def, select, options.version), countOnly: false }
}

/** Rows that can match: few when the query names ids, an external id or a stamp. */
function candidates(org: Org, def: ObjectDef, where: WhereNode | undefined): Row[] {
  const table = org.table(def.name)
  const all = () => [...table.rows.values()]
  if (!where) return all()
  for (const c of conjuncts(where)) {
    const field = c.field ? def.fieldNames.get(c.field.toLowerCase()) : undefined
    const values = [c.value ?? []].flat().map(unquote)
    const exact = c.operator === '=' || c.operator === 'IN'
    if (field === 'Id' && exact) return values.map((v) => table.rows.get(normaliseId(v) ?? '')).filter((r) => r !== undefined)
    if (field && exact && table.unique.has(field)) {
      const living = values.map((v) => org.byUnique(def.name, field, v)).filter((r) => r !== undefined)
      return living
    }
    if (field === 'SystemModstamp' && (c.operator === '>=' || c.operator === '>') && c.literalType === 'DATETIME')
      return org.changedSince(def.name, Date.parse(String(c.value)))
  }
  return all()
}

/** The conditions that must all hold: the top level of a chain of ANDs, outside parentheses. */
function conjuncts(where: WhereNode): Condition[] {
  const found: Condition[] = []
  let depth = 0
  for (let node: WhereNode | undefined = where; node; node = node.right) {
    if (
      node.operator === 'NOT' ||
      (node.operator === 'OR' && depth + (node.left?.openParen ?? 0) - (node.left?.closeParen ?? 0) === 0)
    )
      return []
    const opened = depth + (node.left?.openParen ?? 0)
    if (opened === 0 && node.left) found.push(node.left)
    depth = opened - (node.left?.closeParen ?? 0)
  }
  return found
}

const unquote = (literal: string) =>
  /^'.*'$/s.test(literal)
    ? literal.slice(1, -1).replace(/\\(.)/g, (_, c: string) => ({ n: '\n', r: '\r', t: '\t' })[c] ?? c)
    : literal

/** Turns the parser's chain into a token list and reads it left to right with parentheses. */
function compileWhere(org: Org, def: ObjectDef, where: WhereNode): Predicate {
  type Token = '(' | ')' | 'AND' | 'OR' | 'NOT' | Predicate
  const tokens: Token[] = []
  for (let node: WhereNode | undefined = where; node; node = node.right) {
    const c = node.left
    for (let i = 0; i < (c?.openParen ?? 0); i++) tokens.push('(')
    if (c?.field || c?.operator) tokens.push(compileCondition(org, def, c))
    for (let i = 0; i < (c?.closeParen ?? 0); i++) tokens.push(')')
    if (node.operator) tokens.push(node.operator as 'AND' | 'OR' | 'NOT')
  }
  let at = 0
  const unary = (): Predicate => {
    const token = tokens[at++]
    if (token === 'NOT') {
      const inner = unary()
      return (row) => !inner(row)
    }
    if (token === '(') {
      const inner = chain()
      at++
      return inner
    }
    if (typeof token !== 'function') throw malformed('unexpected token in WHERE')
    return token
  }
  const chain = (): Predicate => {
    let left = unary()
    while (tokens[at] === 'AND' || tokens[at] === 'OR') {
      const operator = tokens[at++]
      const [a, b] = [left, unary()]
      left = operator === 'AND' ? (row) => a(row) && b(row) : (row) => a(row) || b(row)
    }
    return left
  }
  return chain()
}

function compileCondition(org: Org, def: ObjectDef, c: Condition): Predicate {
  const { get, field } = getter(org, def, c.field ?? '')
  const operator = (c.operator ?? '=').toUpperCase()
  const list = [c.value ?? []]
    .flat()
    .map((v, i) =>
      comparable(
        field,
        [c.literalType ?? 'STRING'].flat()[Math.min(i, [c.literalType].flat().length - 1)] ?? 'STRING',
        v,
        org,
        c,
      ),
    )
  const [first = null] = list
  const own: Getter = (row) => comparableOf(field, get(row))
  switch (operator) {
    case '=':
      return (row) => own(row) === first
    case '!=':
    case '<>':
      return (row) => own(row) !== first
    case '<':
      return (row) => {
        const v = own(row)
        return v !== null && first !== null && v < first
      }
    case '<=':
      return (row) => {
        const v = own(row)
        return v !== null && first !== null && v <= first
      }
    case '>':
      return (row) => {
        const v = own(row)
        return v !== null && first !== null && v > first
      }
    case '>=':
      return (row) => {
        const v = own(row)
        return v !== null && first !== null && v >= first
      }
    case 'IN': {
      const set = new Set(list)
      return (row) => set.has(own(row))
    }
    case 'NOT IN': {
      const set = new Set(list)
      return (row) => !set.has(own(row))
    }
    case 'LIKE': {
      const pattern = new RegExp(
        `^${String(first)
          .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
          .replace(/%/g, '.*')
          .replace(/_/g, '.')}$`,
        'is',
      )
      return (row) => pattern.test(String(own(row) ?? ''))
    }
    case 'INCLUDES':
    case 'EXCLUDES': {
      const wanted = list.map((v) => String(v).split(';'))
      const includes: Predicate = (row) => {
        const has = String(own(row) ?? '').split(';')
        return wanted.some((w) => w.every((x) => has.includes(x)))
      }
      return operator === 'INCLUDES' ? includes : (row) => !includes(row)
    }
    default:
      throw malformed(`unexpected operator: ${operator}`)
  }
}

/** Text compares without case, ids by their 18 characters, times as milliseconds. */
function comparableOf(field: FieldDef, value: Wire): Wire {
  if (value === null) return null
  if (field.type === 'datetime') return Date.parse(String(value).replace('+0000', 'Z'))
  if (field.type === 'id' || field.type === 'reference') return value
  return typeof value === 'string' ? value.toLowerCase() : value
}

function comparable(field: FieldDef, literal: string, text: string, org: Org, c: Condition): Wire {
  if (literal === 'NULL' || text === 'NULL' || text === 'null') return null
  const plain = unquote(text)
  if (literal === 'BOOLEAN') return plain.toUpperCase() === 'TRUE'
  if (literal.startsWith('DATE_')) return relativeDate(plain, c.dateLiteralVariable ?? 0, org, field)
  if (field.type === 'datetime') {
    if (literal !== 'DATETIME' && literal !== 'DATE')
      throw new SalesforceError(
        'INVALID_FIELD',
        `\n${c.field} ${c.operator} ${text}\n^\nERROR at Row:1:Column:1\nvalue of filter criterion for field '${c.field}' must be of type dateTime and should not be enclosed in quotes`,
      )
    return Date.parse(plain)
  }
  if (field.type === 'id' || field.type === 'reference') {
    const id = normaliseId(plain)
    if (plain !== '' && !id)
      throw new SalesforceError(
        'INVALID_QUERY_FILTER_OPERATOR',
        `\n${c.field} ${c.operator} ${text}\n^\nERROR at Row:1:Column:1\ninvalid ID field: ${plain}`,
      )
    return id ?? null
  }
  if (['INTEGER', 'DECIMAL', 'INTEGER_WITH_CURRENCY_PREFIX'].includes(literal)) return Number(plain)
  return plain === '' ? null : plain.toLowerCase()
}

function relativeDate(literal: string, n: number, org: Org, field: FieldDef): Wire {
  const day = 86_400_000
  const today = Math.floor(org.clock.now() / day) * day
  const days: Record<string, number> = { TODAY: 0, YESTERDAY: -1, TOMORROW: 1 }
  const name = literal.toUpperCase().split(':')[0]!
  const at = today + day * (days[name] ?? (name === 'LAST_N_DAYS' ? -n : name === 'NEXT_N_DAYS' ? n : 0))
  return field.type === 'datetime' ? at : new Date(at).toISOString().slice(0, 10)
}

/** A getter for a field path such as `Account.Owner.Name`. */
function getter(org: Org, def: ObjectDef, path: string): { get: Getter; field: FieldDef } {
  const parts = path.split('.')
  const own = parts[0]?.toLowerCase() === def.name.toLowerCase() && parts.length > 1 ? parts.slice(1) : parts
  const name = def.fieldNames.get(own[0]!.toLowerCase())
  if (own.length === 1) {
    if (!name) throw noColumn(own[0]!, def)
    // A compound address is only shown, never compared.
    return { get: (row) => org.value(def, row, name) as Wire, field: def.fields.get(name)! }
  }
  const { reference, parent } = relation(org, def, own[0]!)
  const rest = getter(org, parent, own.slice(1).join('.'))
  return {
    field: rest.field,
    get: (row) => {
      const to = org.row(parent.name, String(org.value(def, row, reference)), true)
      return to ? rest.get(to) : null
    },
  }
}

const noColumn = (name: string, def: ObjectDef) =>
  new SalesforceError(
    'INVALID_FIELD',
    `\nSELECT ${name} FROM ${def.name}\n       ^\nERROR at Row:1:Column:8\nNo such column '${name}' on entity '${def.name}'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.`,
  )

function relation(org: Org, def: ObjectDef, name: string): { reference: string; parent: ObjectDef } {
  const field = [...def.fields.values()].find((f) => f.relationshipName?.toLowerCase() === name.toLowerCase())
  if (!field)
    throw new SalesforceError(
      'INVALID_FIELD',
      `\nERROR at Row:1:Column:8\nDidn't understand relationship '${name}' in field path. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL or the describe call for the appropriate names.`,
    )
  return { reference: field.name, parent: org.table(field.referenceTo[0]!).def }
}

function comparator(org: Org, def: ObjectDef, order: { field: string; order?: string; nulls?: string }[]) {
  const keys = order.map((o) => {
    const { get, field } = getter(org, def, o.field)
    const direction = o.order?.toUpperCase() === 'DESC' ? -1 : 1
    const nullsFirst = o.nulls ? o.nulls.toUpperCase() === 'FIRST' : direction === 1
    return { value: (row: Row) => comparableOf(field, get(row)), direction, nulls: nullsFirst ? -1 : 1 }
  })
  return (a: Row, b: Row) => {
    for (const { value, direction, nulls } of keys) {
      const [x, y] = [value(a), value(b)]
      if (x === y) continue
      if (x === null) return nulls
      if (y === null) return -nulls
      return x < y ? -direction : direction
    }
    return 0
  }
}

const attributes = (def: ObjectDef, id: string, version: string) => ({
  type: def.name,
  url: `/services/data/v${version}/sobjects/${def.name}/${id}`,
})

function projection(
  org: Org,
  def: ObjectDef,
  select: {
    type: string
    field?: string
    relationships?: string[]
    functionName?: string
    parameters?: unknown[]
    subquery?: Query
  }[],
  version: string,
): Projection {
  const simple: { name: string; get: (row: Row) => unknown }[] = []
  const parents = new Map<string, string[]>()
  for (const f of select) {
    if (f.type === 'Field') {
      const { get, field } = getter(org, def, f.field!)
      simple.push({ name: field.name, get })
    } else if (f.type === 'FieldRelationship') {
      const [head, ...tail] = f.relationships!
      parents.set(head!, [...(parents.get(head!) ?? []), [...tail, f.field!].join('.')])
    } else if (f.type === 'FieldFunctionExpression' && f.functionName === 'FIELDS') {
      const kind = String(f.parameters?.[0]).toUpperCase()
      for (const d of def.fields.values())
        if (kind === 'ALL' || (kind === 'CUSTOM') === d.name.endsWith('__c'))
          simple.push({ name: d.name, get: (row) => org.value(def, row, d.name) })
    } else if (f.type === 'FieldSubquery') {
      const sub = f.subquery! as Query & { relationshipName: string }
      const relationship = [...def.children].find(([n]) => n.toLowerCase() === sub.relationshipName.toLowerCase())
      if (!relationship)
        throw new SalesforceError(
          'INVALID_TYPE',
          `\nERROR at Row:1:Column:8\nDidn't understand relationship '${sub.relationshipName}' in FROM part of query call.`,
        )
      const child = org.table(relationship[1].object).def
      const where = sub.where ? compileWhere(org, child, sub.where as WhereNode) : () => true
      const render = projection(org, child, sub.fields as never, version)
      simple.push({
        name: relationship[0],
        get: (row) => {
          const children = org.childIndex(child.name, relationship[1].field).get(row.id) ?? []
          const records = [...children].filter(where).map(render)
          return records.length === 0 ? null : { totalSize: records.length, done: true, records }
        },
      })
    } else throw malformed(`unexpected expression: ${f.type}`)
  }
  for (const [head, fields] of parents) {
    const { reference, parent } = relation(org, def, head)
    const render = projection(
      org,
      parent,
      fields.map((p) =>
        p.includes('.')
          ? {
              type: 'FieldRelationship',
              field: p.split('.').at(-1)!,
              relationships: p.split('.').slice(0, -1),
            }
          : { type: 'Field', field: p },
      ),
      version,
    )
    simple.push({
      name: [...def.fields.values()].find((f) => f.name === reference)!.relationshipName!,
      get: (row) => {
        const to = org.row(parent.name, String(org.value(def, row, reference)), true)
        return to ? render(to) : null
      },
    })
  }
  return (row) => {
    const record: Rendered = { attributes: attributes(def, row.id, version) }
    for (const { name, get } of simple) record[name] = get(row)
    return record
  }
}

function aggregates(
  org: Org,
  def: ObjectDef,
  rows: Row[],
  query: Query,
  select: { type: string; field?: string; functionName?: string; parameters?: unknown[]; alias?: string }[],
): Record<string, unknown>[] {
  const groupFields = ([query.groupBy ?? []].flat() as { field?: string }[]).map((g) => getter(org, def, g.field ?? '').get)
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const key = JSON.stringify(groupFields.map((get) => get(row)))
    groups.set(key, [...(groups.get(key) ?? []), row])
  }
  if (groupFields.length === 0) groups.set('[]', rows)
  return [...groups.values()].map((members) => {
    const record: Record<string, unknown> = { attributes: { type: 'AggregateResult' } }
    let unnamed = 0
    for (const f of select) {
      if (f.type === 'Field') record[f.alias ?? f.field!] = members[0] ? getter(org, def, f.field!).get(members[0]) : null
      else {
        const get = f.parameters?.[0] ? getter(org, def, String(f.parameters[0])).get : () => 1
        const numbers = members.map(get).filter((v) => v !== null)
        record[f.alias ?? `expr${unnamed++}`] = fold(f.functionName ?? 'COUNT', numbers)
      }
    }
    return record
  })
}

function fold(name: string, values: Wire[]): unknown {
  const sorted = [...values].sort((a, b) => (a! < b! ? -1 : 1))
  const sum = values.reduce<number>((total, v) => total + Number(v), 0)
  switch (name.toUpperCase()) {
    case 'COUNT':
      return values.length
    case 'COUNT_DISTINCT':
      return new Set(values).size
    case 'SUM':
      return sum
    case 'AVG':
      return values.length ? sum / values.length : null
    case 'MIN':
      return sorted[0] ?? null
    case 'MAX':
      return sorted.at(-1) ?? null
    default:
      throw malformed(`unexpected function: ${name}`)
  }
}
