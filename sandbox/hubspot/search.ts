import { HubspotError } from './errors.ts'
import type { Obj } from './model.ts'
import type { Portal } from './portal.ts'
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
  const tests = groups.map((g) => g.filters.map((f) => compile(portal, def, f)))
  const found: Obj[] = []
  for (const obj of candidates(portal, type, groups)) {
    const seen = portal.searchable(table, obj)
    if (!seen || seen.archived) continue
    if (tests.length > 0 && !tests.some((all) => all.every((test) => test(seen)))) continue
    if (request.query && !matches(portal, def, seen, request.query)) continue
    found.push(seen)
  }
  const sort = request.sorts?.[0]
  const by = typeof sort === 'string' ? sort.replace(/^-/, '') : (sort?.propertyName ?? 'hs_object_id')
  const sign = (typeof sort === 'string' ? sort.startsWith('-') : sort?.direction === 'DESCENDING') ? -1 : 1
  const key = sorter(portal, def, by)
  found.sort((a, b) => {
    const [x, y] = [key(a), key(b)]
    return x === y ? Number(a.id) - Number(b.id) : x === null ? 1 : y === null ? -1 : (x < y ? -1 : 1) * sign
  })
  const page = found.slice(from, from + limit)
  const next = from + page.length
  return {
    total: found.length,
    results: page,
    ...(next < found.length && page.length > 0 && { after: String(next) }),
  }
}

/** Few rows when every group asks for recent changes or for a unique value; else all. */
function candidates(portal: Portal, type: string, groups: { filters: Filter[] }[]): Iterable<Obj> {
  const table = portal.table(type)
  if (groups.length === 0) return table.objects.values()
  const found = new Set<Obj>()
  for (const { filters } of groups) {
    const recent = filters.find(
      (f) => f.propertyName === table.def.modified && ['GT', 'GTE', 'BETWEEN', 'EQ'].includes(f.operator),
    )
    const unique = filters.find((f) => table.unique.has(f.propertyName) && (f.operator === 'IN' || f.operator === 'EQ'))
    const ids = filters.find((f) => f.propertyName === 'hs_object_id' && (f.operator === 'IN' || f.operator === 'EQ'))
    if (ids)
      for (const id of ids.values ?? [ids.value ?? '']) {
        const obj = portal.resolve(type, id)
        if (obj) found.add(obj)
      }
    else if (unique)
      for (const v of unique.values ?? [unique.value ?? '']) {
        const obj = portal.byUnique(type, unique.propertyName, v)
        if (obj) found.add(obj)
      }
    else if (recent) for (const obj of portal.changedSince(type, millis(recent.value ?? '0'))) found.add(obj)
    else return table.objects.values()
  }
  return found
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
  const read = (o: Obj) => scalar(kind, portal.value(def, o, f.propertyName))
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

function sorter(portal: Portal, def: TypeDef, name: string): (o: Obj) => string | number | null {
  if (name === 'hs_object_id') return (o) => Number(o.id)
  if (name === def.modified) return (o) => o.updated
  const property = def.properties.get(name)
  if (!property) throw invalid(`There was a problem with the request: sort property ${name} does not exist`)
  return (o) => scalar(property.type, portal.value(def, o, name))
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
