import { HubspotError } from './errors.ts'
import { compareIds } from './ids.ts'
import type { Obj, Table } from './model.ts'
import type { Portal } from './portal.ts'
import { reader } from './reading.ts'
import type { TypeDef } from './schema.ts'

interface Filter {
  propertyName: string
  operator: string
  value?: string
  values?: string[]
  highValue?: string
}
export interface SearchRequest {
  filterGroups?: { filters: Filter[] }[]
  filters?: Filter[]
  sorts?: (string | { propertyName: string; direction?: 'ASCENDING' | 'DESCENDING' })[]
  query?: string
  properties?: string[]
  limit?: number
  after?: string | number
}

const invalid = (message: string) => new HubspotError(400, 'VALIDATION_ERROR', message)
/** HubSpot's cap on paging through one search. */
const CAP = 10_000

/** Runs a search: total, one page of records, and where the next begins. */
export function search(portal: Portal, type: string, request: SearchRequest): { total: number; results: Obj[]; after?: string } {
  const table = portal.table(type)
  const { def } = table
  const groups = request.filterGroups ?? (request.filters ? [{ filters: request.filters }] : [])
  const limit = request.limit ?? 10
  const from = Number(request.after ?? 0)
  if (groups.length > 5) throw invalid('A maximum of 5 filterGroups is allowed')
  if (groups.some((g) => g.filters.length > 6)) throw invalid('A maximum of 6 filters per filterGroup is allowed')
  if (groups.reduce((n, g) => n + g.filters.length, 0) > 18) throw invalid('A maximum of 18 filters is allowed')
  if (limit > 200 || limit < 1) throw invalid(`Invalid limit ${limit}: must be between 1 and 200`)
  if (Number.isNaN(from)) throw invalid('after must be a number')
  if (from + limit > CAP) throw invalid('There was a problem with the request: paging past 10000 results is not supported')
  const sort = request.sorts?.[0]
  const by = typeof sort === 'string' ? sort.replace(/^-/, '') : (sort?.propertyName ?? 'hs_object_id')
  const falling = typeof sort === 'string' ? sort.startsWith('-') : sort?.direction === 'DESCENDING'
  const tests = groups.map((g) => g.filters.map((f) => compile(portal, def, f)))
  const key = sorter(portal, def, by)
  const way = access(portal, table, groups, falling ? '' : by)
  const lagging = table.lagged.size > 0
  const found: Obj[] = []
  for (const obj of way.objects) {
    const seen = lagging ? portal.searchable(table, obj) : obj
    if (!seen || seen.archived) continue
    if (tests.length > 0 && !tests.some((all) => all.every((test) => test(seen)))) continue
    if (request.query && !matches(portal, def, seen, request.query)) continue
    found.push(seen)
  }
  // An index that lags shows earlier states: those are in no order.
  if (lagging || way.order !== by || falling) {
    const sign = falling ? -1 : 1
    found.sort((a, b) => {
      const [x, y] = [key(a), key(b)]
      return x === y ? compareIds(a.id, b.id) : x === null ? 1 : y === null ? -1 : (x < y ? -1 : 1) * sign
    })
  }
  const page = found.slice(from, from + limit)
  const next = from + page.length
  return {
    total: found.length,
    results: page,
    ...(next < found.length && page.length > 0 && { after: String(next) }),
  }
}

/** How the records of a search are found, and the property that they are sorted by already. */
interface Access {
  objects: Iterable<Obj>
  order?: string
}

/** The narrowest way to the records that can match: by id, by a unique value, by the time of change, or all of them. */
function access(portal: Portal, table: Table, groups: { filters: Filter[] }[], order: string): Access {
  const ways = groups.map(({ filters }) => narrow(portal, table, filters))
  if (ways.length > 0 && ways.every((w) => w !== undefined))
    return ways.length === 1 ? ways[0]! : { objects: new Set(ways.flatMap((w) => [...w.objects])) }
  if (order === table.def.modified) return { objects: table.touches.since(Number.NEGATIVE_INFINITY), order }
  return { objects: table.order.from(), order: 'hs_object_id' }
}

/** A way to few records; undefined when the filters give none. */
function narrow(portal: Portal, table: Table, filters: Filter[]): Access | undefined {
  const { name: type, modified } = table.def
  const exact = (f: Filter) => f.operator === 'IN' || f.operator === 'EQ'
  const among = (f: Filter, find: (value: string) => Obj | undefined): Access => ({
    objects: new Set((f.values ?? [f.value ?? '']).map(find).filter((obj) => obj !== undefined)),
  })
  const ids = filters.find((f) => f.propertyName === 'hs_object_id' && exact(f))
  if (ids) return among(ids, (id) => portal.resolve(type, id))
  const unique = filters.find((f) => table.unique.has(f.propertyName) && exact(f))
  if (unique) return among(unique, (value) => portal.byUnique(type, unique.propertyName, value))
  const recent = filters.find((f) => f.propertyName === modified && ['GT', 'GTE', 'BETWEEN', 'EQ'].includes(f.operator))
  return recent && { objects: table.touches.since(millis(recent.value ?? '0')), order: modified }
}

const millis = (text: string): number => (/^-?\d+$/.test(text) ? Number(text) : Date.parse(text))

function compile(portal: Portal, def: TypeDef, f: Filter): (obj: Obj) => boolean {
  const property = def.properties.get(f.propertyName)
  if (f.propertyName.startsWith('associations.')) {
    const to = f.propertyName.slice('associations.'.length)
    const wanted = new Set(f.values ?? [f.value ?? ''])
    const has = (o: Obj) => portal.associated(def.name, o.id, to).some((a) => wanted.has(a.id))
    return f.operator === 'HAS_PROPERTY' ? (o) => portal.associated(def.name, o.id, to).length > 0 : has
  }
  if (!property) throw invalid(`There was a problem with the request: ${f.propertyName} does not exist`)
  const kind = property.type
  const read = comparable(portal, def, f.propertyName, kind)
  const given = (text: string | undefined) => {
    if (text === undefined || text === '') throw invalid(`operator ${f.operator} requires a value`)
    return scalar(kind, text)!
  }
  switch (f.operator) {
    case 'EQ': {
      const v = given(f.value)
      return (o) => read(o) === v
    }
    case 'NEQ': {
      const v = given(f.value)
      return (o) => read(o) !== v
    }
    case 'LT': {
      const v = given(f.value)
      return (o) => {
        const x = read(o)
        return x !== null && x < v
      }
    }
    case 'LTE': {
      const v = given(f.value)
      return (o) => {
        const x = read(o)
        return x !== null && x <= v
      }
    }
    case 'GT': {
      const v = given(f.value)
      return (o) => {
        const x = read(o)
        return x !== null && x > v
      }
    }
    case 'GTE': {
      const v = given(f.value)
      return (o) => {
        const x = read(o)
        return x !== null && x >= v
      }
    }
    case 'BETWEEN': {
      const [a, b] = [given(f.value), given(f.highValue)]
      return (o) => {
        const x = read(o)
        return x !== null && x >= a && x <= b
      }
    }
    case 'IN':
    case 'NOT_IN': {
      if (!Array.isArray(f.values)) throw invalid(`operator ${f.operator} requires values`)
      // On strings only lower-case values are ever found.
      const set = new Set(f.values.map((v) => (kind === 'string' ? v : scalar(kind, v))))
      return f.operator === 'IN' ? (o) => set.has(read(o) as never) : (o) => !set.has(read(o) as never)
    }
    case 'HAS_PROPERTY':
      return (o) => read(o) !== null
    case 'NOT_HAS_PROPERTY':
      return (o) => read(o) === null
    case 'CONTAINS_TOKEN':
    case 'NOT_CONTAINS_TOKEN': {
      const pattern = new RegExp(
        `(^|[^\\p{L}\\p{N}])${String(given(f.value))
          .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
          .replaceAll('*', '[^\\s]*')}($|[^\\p{L}\\p{N}])`,
        'iu',
      )
      return f.operator === 'CONTAINS_TOKEN'
        ? (o) => pattern.test(String(read(o) ?? ''))
        : (o) => !pattern.test(String(read(o) ?? ''))
    }
    default:
      throw invalid(`Invalid input JSON: unknown operator ${f.operator}`)
  }
}

/** Comparable form: numbers and times as numbers, text without case, enumerations as they are. */
function scalar(kind: string, value: string | null): string | number | null {
  if (value === null || value === '') return null
  if (kind === 'number') return Number(value)
  if (kind === 'datetime' || kind === 'date') return millis(value)
  return kind === 'enumeration' ? value : value.toLowerCase()
}

/** Reads a property in its comparable form. */
function comparable(portal: Portal, def: TypeDef, name: string, kind: string): (o: Obj) => string | number | null {
  if (name === 'hs_object_id') return (o) => Number(o.id)
  if (name === def.modified) return (o) => o.updated
  const read = reader(portal.year, def, name)
  return (o) => scalar(kind, read(o))
}

function sorter(portal: Portal, def: TypeDef, name: string): (o: Obj) => string | number | null {
  const property = def.properties.get(name)
  if (!property) throw invalid(`There was a problem with the request: sort property ${name} does not exist`)
  return comparable(portal, def, name, property.type)
}

const SEARCHED = [
  'name',
  'domain',
  'phone',
  'website',
  'email',
  'firstname',
  'lastname',
  'company',
  'dealname',
  'hs_object_id',
  'subject',
  'content',
]
function matches(portal: Portal, def: TypeDef, obj: Obj, query: string): boolean {
  const text = SEARCHED.filter((n) => def.properties.has(n))
    .map((n) => portal.value(def, obj, n) ?? '')
    .join(' ')
    .toLowerCase()
  return query
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean)
    .every((word) => text.includes(word))
}
