import { countryCode, stateCode } from '../../mappings/model/places.ts'
import { type Address, parseAddress } from './address.ts'
import type { Census, Counted } from './census.ts'
import { type Email, isSharedDomain, parseEmail, phoneDigits, webDomain } from './contact-points.ts'
import { type DealFacts, parseDeal } from './deals.ts'
import { parseDay, parseNumber } from './figures.ts'
import { type Name, parseName } from './name.ts'
import { type PersonName, parsePerson } from './person-name.ts'
import { fold, words } from './text.ts'

/** What a column or a field can be to the match engine. */
export const ROLES = [
  'name',
  'given',
  'surname',
  'fullname',
  'email',
  'website',
  'phone',
  'street',
  'number',
  'district',
  'city',
  'region',
  'postcode',
  'country',
  'born',
  'identifier',
  'people',
  'year',
  'category',
  'price',
  'product',
  'amount',
  'currency',
  'opened',
  'contact',
] as const
export type Role = (typeof ROLES)[number]
export type Raw = Partial<Record<Role, string>>

/** A record as the match engine sees it: parsed once, compared often. A field that says nothing is missing. */
export interface Subject {
  readonly id: string
  /** Where it stands: two records of one source are never the same thing when sources are linked one to one. */
  readonly source: string
  readonly name?: Name | undefined
  readonly person?: PersonName | undefined
  readonly address?: Address | undefined
  readonly district?: string | undefined
  readonly city?: string | undefined
  readonly region?: string | undefined
  readonly postcode?: string | undefined
  readonly country?: string | undefined
  readonly phone?: string | undefined
  readonly email?: Email | undefined
  readonly domain?: string | undefined
  readonly born?: string | undefined
  readonly identifiers: readonly string[]
  readonly people: readonly (readonly string[])[]
  readonly year?: number | undefined
  readonly category?: string | undefined
  readonly price?: number | undefined
  readonly deal?: DealFacts | undefined
}

export function parseSubject(id: string, source: string, raw: Raw): Subject {
  const email = raw.email ? parseEmail(raw.email) : undefined
  const web = raw.website ? webDomain(raw.website) : undefined
  const country = raw.country ? (countryCode(raw.country) ?? undefined) : undefined
  const plain = (role: Role): string | undefined => (raw[role] ? words(fold(raw[role])).join(' ') || undefined : undefined)
  const own = web ?? email?.domain
  return {
    id,
    source,
    name: raw.name ? parseName(raw.name) : undefined,
    person: parsePerson({ given: raw.given ?? '', surname: raw.surname ?? '', full: raw.fullname ?? raw.contact ?? '' }),
    address: raw.street || raw.number ? parseAddress(raw.street ?? '', raw.number) : undefined,
    district: plain('district'),
    city: plain('city'),
    region: raw.region ? (stateCode(raw.region, country) ?? plain('region')) : undefined,
    postcode: raw.postcode
      ? fold(raw.postcode.replace(/-\d{4}$/, '').replace(/\.0$/, '')).replace(/ /g, '') || undefined
      : undefined,
    country,
    phone: raw.phone ? phoneDigits(raw.phone) : undefined,
    email,
    domain: own && !isSharedDomain(own) ? own : undefined,
    born: raw.born ? parseDay(raw.born) : undefined,
    identifiers: [fold(raw.identifier ?? '').replace(/ /g, '')].filter((x) => x.length >= 4),
    people: raw.people ? peopleOf(raw.people) : [],
    year: raw.year ? Number.parseInt(raw.year, 10) || undefined : undefined,
    category: plain('category'),
    deal: raw.product || raw.amount || raw.opened ? parseDeal(raw) : undefined,
    price: raw.price ? parseNumber(raw.price) || undefined : undefined,
  }
}

/** A list of people ("D. Scott Mackay, Jun Yang") as words, the family name last. */
const peopleOf = (text: string): string[][] =>
  text
    .split(/[,;]|\band\b/)
    .map((one) => fold(one).split(' ').filter(Boolean))
    .filter((one) => one.length > 0)

/**
 * Counts what things hold: each value once for all records that are known to be one thing. Ten rows of one company do
 * not make its address a common one.
 */
export function countThings(census: Census, things: Iterable<readonly Subject[]>): void {
  for (const records of things) {
    census.records++
    const seen = new Set<string>()
    for (const s of records) {
      if (s.domain && s.name) census.addHolder(s.domain, s.name.words[0]!)
      for (const [kind, value] of valuesOf(s)) {
        const key = `${kind} ${value}`
        if (seen.has(key)) continue
        seen.add(key)
        census.add(kind, value)
      }
    }
  }
}

/** Everything a record holds that is counted. */
export function* valuesOf(s: Subject): Generator<[Counted, string]> {
  if (s.name) {
    for (const w of s.name.words) yield ['word', w]
    for (let i = 1; i < s.name.words.length; i++) yield ['pair', `${s.name.words[i - 1]} ${s.name.words[i]}`]
    yield ['name', s.name.core]
  }
  for (const w of s.person?.given ?? []) yield ['given', w]
  for (const w of s.person?.surname ?? []) yield ['surname', w]
  for (const p of s.people) yield ['surname', p.at(-1)!]
  if (s.address) {
    for (const w of s.address.street) yield ['street', w]
    yield ['address', addressKey(s.address)]
  }
  if (s.city) yield ['city', s.city]
  if (s.postcode) yield ['postcode', s.postcode]
  if (s.phone) yield ['phone', s.phone.slice(-7)]
  if (s.domain) yield ['domain', s.domain]
  if (s.email) yield ['email', s.email.address]
  if (s.born) yield ['born', s.born]
  if (s.district) yield ['text', s.district]
}

/** Learns which categories of two systems correspond, from records whose name is theirs alone in each. */
export function countCorrespondences(census: Census, subjects: readonly Subject[]): void {
  const byName = Map.groupBy(
    subjects.filter((s) => s.name && s.category),
    (s) => s.name!.core,
  )
  for (const same of byName.values()) {
    const [a, b] = same
    if (same.length === 2 && a!.source !== b!.source) census.addCorrespondence(a!.category!, b!.category!)
  }
}

export const addressKey = (a: Address): string => `${a.numbers[0] ?? ''} ${a.street[0] ?? ''}`
