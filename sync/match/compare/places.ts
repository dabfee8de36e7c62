import type { Census } from '../census.ts'
import { edits } from '../strings.ts'
import { addressKey, type Subject } from '../subject.ts'
import { skeleton } from '../text.ts'
import type { Finding, Found } from './finding.ts'

/**
 * Street, house number, postcode and city are one piece of evidence: they hang together. Which of three comparisons
 * speaks depends on what both records say: street and town, the street alone, or the town alone.
 */
export function comparePlaces(a: Subject, b: Subject, census: Census): Found[] {
  const street = compareStreets(a, b, census)
  const area = compareAreas(a, b, census)
  if (!street) return area ? [{ comparison: 'area', ...area }] : []
  if (!area) return [{ comparison: 'street', ...street }]
  if (area.level === 'other country') return [{ comparison: 'address', ...area }]
  if (street.level === 'other street') return [{ comparison: 'address', level: `other street, ${area.level}`, bits: area.bits }]
  const elsewhere = area.level === 'other area' ? ', other area' : ''
  return [{ comparison: 'address', level: street.level + elsewhere, bits: street.bits }]
}

export function compareStreets(a: Subject, b: Subject, census: Census): Finding | undefined {
  const [x, y] = [a.address, b.address]
  if (!x || !y) return undefined
  const bothNumbered = x.numbers.length > 0 && y.numbers.length > 0
  const sameNumber = bothNumbered && x.numbers.some((n) => y.numbers.includes(n))
  if (x.street.length === 0 || y.street.length === 0) {
    if (!bothNumbered) return undefined
    return sameNumber ? { level: 'house number', bits: 0 } : { level: 'other street', bits: 0 }
  }
  let shared = 0
  let all = 0
  const taken = new Set<number>()
  for (const [i, w] of x.street.entries()) {
    const bits = census.bits('street', w)
    all += bits
    const j = y.street.findIndex((v, k) => !taken.has(k) && (v === w || y.skeletons[k] === x.skeletons[i] || near(w, v)))
    if (j < 0) continue
    taken.add(j)
    shared += Math.min(bits, census.bits('street', y.street[j]!))
  }
  const other = y.street.reduce((sum, w) => sum + census.bits('street', w), 0)
  const likeness = Math.max(shared / Math.min(all, other), x.street.join('') === y.street.join('') ? 1 : 0)
  if (likeness < 0.6) return { level: 'other street', bits: 0 }
  if (!bothNumbered) return { level: 'same street', bits: Math.min(shared, census.bits('address', addressKey(x))) }
  if (!sameNumber) return { level: 'other number', bits: 0 }
  return { level: 'same address', bits: Math.max(census.bits('address', addressKey(x)), census.bits('address', addressKey(y))) }
}

const near = (a: string, b: string): boolean =>
  (a.length >= 5 && b.length >= 5 && edits(a, b, 1) <= 1) ||
  (a.length >= 4 && b.length >= 4 && (a.startsWith(b) || b.startsWith(a)))

function compareAreas(a: Subject, b: Subject, census: Census): Finding | undefined {
  if (a.country && b.country && a.country !== b.country) return { level: 'other country', bits: 0 }
  const sameCity = a.city && b.city ? cityLike(a.city, b.city) : undefined
  if (a.postcode && b.postcode) {
    if (a.postcode === b.postcode) return { level: 'same postcode', bits: census.bits('postcode', a.postcode) }
    if (sameCity) return { level: 'same city', bits: census.bits('city', a.city!) }
    return { level: 'other area', bits: 0 }
  }
  if (sameCity === undefined) return undefined
  return sameCity
    ? { level: 'same city', bits: Math.min(census.bits('city', a.city!), census.bits('city', b.city!)) }
    : { level: 'other area', bits: 0 }
}

const cityLike = (a: string, b: string): boolean =>
  a === b ||
  skeleton(a) === skeleton(b) ||
  edits(a, b, 2) <= (Math.min(a.length, b.length) >= 8 ? 2 : Math.min(a.length, b.length) >= 5 ? 1 : 0) ||
  ` ${a} `.includes(` ${b} `) ||
  ` ${b} `.includes(` ${a} `)
