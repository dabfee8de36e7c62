/**
 * Compares two JSON values by shape: keys and types, never the values of ids, times and texts. Codes that programs
 * branch on (`errorCode`, `category`, ...) are no texts: those must be equal.
 */

/** What a recording leaves out on purpose, by the last key of its path. */
export interface Lenience {
  /** Lists and maps whose elements the recording's publisher removed: an empty list there, filled here. */
  emptied?: readonly string[]
  /** Objects that are null for some records and an object for others (a compound address, a parent). */
  nullable?: readonly string[]
  /** Arrays whose elements differ by place (sub-requests of a composite): compared one by one. */
  ordered?: readonly string[]
  /** Paths of arrays that were cut: an element beyond the cut may have had a key that only some answered ones have. */
  cut?: readonly string[]
}

const CODES = new Set(['errorCode', 'statusCode', 'category', 'subCategory', 'error', 'errorType', 'policyName', 'exceptionCode'])

const typeOf = (v: unknown): string => (v === null ? 'null' : Array.isArray(v) ? 'array' : typeof v)
const isObject = (v: unknown): v is Record<string, unknown> => typeOf(v) === 'object'

/** Differences between what was recorded and what was answered, one line each; none when the shapes agree. */
export function differences(recorded: unknown, answered: unknown, lenience: Lenience = {}): string[] {
  return samples([recorded], [answered], { path: '$', key: '', partial: false }, lenience)
}

/** Where a value stands; partial when the recording lacks some elements of an array above it. */
interface Place {
  path: string
  key: string
  partial: boolean
}

/**
 * Compares what stands at one place in all recorded elements with what stands there in all answered ones. Elements
 * of an array are one kind of thing: a key that all recorded elements have, all answered ones must have; a key that
 * none has, none may have.
 */
function samples(recorded: unknown[], answered: unknown[], at: Place, lenience: Lenience): string[] {
  if (lenience.emptied?.includes(at.key) && recorded.every((v) => Array.isArray(v) && v.length === 0)) return []
  const [a, b] = [new Set(recorded.map(typeOf)), new Set(answered.map(typeOf))]
  const wrong = [...b].filter((type) => !a.has(type) && !fits(type, a, lenience.nullable?.includes(at.key) === true))
  if (wrong.length > 0) return [`${at.path}: recorded ${[...a].join('|')}, answered ${wrong.join('|')}`]
  const [code, other] = [recorded[0], answered[0]]
  if (CODES.has(at.key) && recorded.length === 1 && typeof code === 'string' && typeof other === 'string' && code !== other)
    return [`${at.path}: recorded code ${code}, answered ${other}`]
  return [
    ...objects(recorded.filter(isObject), answered.filter(isObject), at, lenience),
    ...arrays(recorded.filter(Array.isArray), answered.filter(Array.isArray), at, lenience),
  ]
}

/** Whether an answered type that was not recorded may still stand there: a value that is null in one of the two. */
function fits(type: string, recorded: Set<string>, nullable: boolean): boolean {
  const structured = type === 'object' || type === 'array'
  if (type === 'null') return nullable || [...recorded].some((t) => t !== 'object' && t !== 'array')
  return [...recorded].every((t) => t === 'null') && (nullable || !structured)
}

function objects(
  recorded: Record<string, unknown>[],
  answered: Record<string, unknown>[],
  at: Place,
  lenience: Lenience,
): string[] {
  if (recorded.length === 0 || answered.length === 0) return []
  const keys = new Set([...recorded, ...answered].flatMap((o) => Object.keys(o)))
  return [...keys].flatMap((key) => {
    const path = `${at.path}.${key}`
    const [a, b] = [recorded.filter((o) => key in o), answered.filter((o) => key in o)]
    if (a.length === recorded.length && b.length < answered.length) return [`${path}: missing in the answer`]
    if (a.length === 0) return at.partial && b.length < answered.length ? [] : [`${path}: not in the recording`]
    const [x, y] = [a.map((o) => o[key]), b.map((o) => o[key])]
    return b.length === 0 ? [] : samples(x, y, { ...at, path, key }, lenience)
  })
}

function arrays(recorded: unknown[][], answered: unknown[][], at: Place, lenience: Lenience): string[] {
  if (recorded.length === 0 || answered.length === 0) return []
  if (lenience.ordered?.includes(at.key)) {
    const [a, b] = [recorded[0]!, answered[0]!]
    if (a.length !== b.length) return [`${at.path}: recorded ${a.length} elements, answered ${b.length}`]
    return a.flatMap((x, i) => samples([x], [b[i]], { ...at, path: `${at.path}[${i}]`, key: '' }, lenience))
  }
  const [a, b] = [recorded.flat(), answered.flat()]
  if (a.length === 0 && b.length === 0) return []
  if (a.length === 0) return [`${at.path}: recorded empty, answered ${b.length} elements`]
  if (b.length === 0) return [`${at.path}: recorded ${a.length} elements, answered none`]
  const partial = at.partial || lenience.cut?.includes(at.path.replace(/\[\d+\]/g, '[]')) === true
  return samples(a, b, { path: `${at.path}[]`, key: '', partial }, lenience)
}

/** One answer, as recorded or as given. */
export interface Answer {
  status: number
  headers: Record<string, string>
  body: unknown
}

/** Header families whose presence is part of the API: their recorded names must be there, and no others of the family. */
const FAMILIES: [family: RegExp, kept: RegExp][] = [
  [/^x-hubspot-ratelimit-/, /^x-hubspot-/],
  [/^sforce-limit-info$/, /^(sforce-|x-sfdc-)/],
]
/** Single headers that must be there when recorded. */
const SINGLE = ['location', 'last-modified', 'etag', 'x-hubspot-correlation-id']

/** Differences of whole answers: status, media type, rate-limit headers, body. */
export function answerDifferences(recorded: Answer, answered: Answer, lenience: Lenience = {}): string[] {
  const found: string[] = []
  if (recorded.status !== answered.status)
    found.push(`status: recorded ${recorded.status}, answered ${answered.status} ${JSON.stringify(answered.body).slice(0, 300)}`)
  const media = (h: Record<string, string>) => h['content-type']?.split(';')[0]
  if (media(recorded.headers) && recorded.body !== '' && media(recorded.headers) !== media(answered.headers))
    found.push(`content-type: recorded ${media(recorded.headers)}, answered ${media(answered.headers)}`)
  for (const [family, kept] of FAMILIES) {
    // Some recorders dropped the vendor's headers: nothing to compare then.
    if (!Object.keys(recorded.headers).some((h) => kept.test(h))) continue
    const names = (h: Record<string, string>) =>
      Object.keys(h)
        .filter((n) => family.test(n))
        .sort()
        .join(' ')
    if (names(recorded.headers) !== names(answered.headers))
      found.push(`headers: recorded "${names(recorded.headers)}", answered "${names(answered.headers)}"`)
  }
  for (const name of SINGLE)
    if (name in recorded.headers && !(name in answered.headers)) found.push(`headers: ${name} is missing in the answer`)
  return [...found, ...differences(recorded.body, answered.body, lenience)]
}
