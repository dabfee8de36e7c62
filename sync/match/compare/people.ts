import type { Census } from '../census.ts'
import { compareNameWords, type WordLevel } from '../person-name.ts'
import { edits } from '../strings.ts'
import type { Subject } from '../subject.ts'
import type { Finding, Found } from './finding.ts'

/** Persons: their name, their day of birth, the smaller parts of their address. */
export function comparePersons(a: Subject, b: Subject, census: Census): Found[] {
  const found: Found[] = []
  const add = (comparison: Found['comparison'], finding: Finding | undefined) => finding && found.push({ comparison, ...finding })
  if (bothNamed(a, b)) {
    add('fullName', fullName(a, b, census))
    add('contact', contact(a, b, census))
  } else {
    add('given', wordFinding('given', a.person?.given, b.person?.given, census))
    add('family', wordFinding('surname', a.person?.surname, b.person?.surname, census))
  }
  add('born', born(a, b, census))
  add('district', district(a, b, census))
  add('region', region(a, b))
  return found
}

const bothNamed = (a: Subject, b: Subject): boolean =>
  [a, b].every((s) => s.person !== undefined && s.person.given.length > 0 && s.person.surname.length > 0)

function wordFinding(
  kind: 'given' | 'surname',
  a: readonly string[] | undefined,
  b: readonly string[] | undefined,
  census: Census,
) {
  if (!a?.length || !b?.length) return undefined
  const level = compareNameWords(a, b)
  const bits = level === 'same' || level === 'near' ? Math.min(census.bits(kind, a[0]!), census.bits(kind, b[0]!)) : 0
  return { level, bits }
}

/** Given and family name together, where both records have both; each in the other's place is a level of its own. */
function fullName(a: Subject, b: Subject, census: Census): Finding | undefined {
  const [x, y] = [a.person!, b.person!]
  const straight = [
    wordFinding('given', x.given, y.given, census)!,
    wordFinding('surname', x.surname, y.surname, census)!,
  ] as const
  const swapped = [
    wordFinding('given', x.given, y.surname, census)!,
    wordFinding('surname', x.surname, y.given, census)!,
  ] as const
  const agree = (f: readonly Finding[]) => f.reduce((sum, { level }) => sum + (AGREEMENT[level as WordLevel] ?? 0), 0)
  const bits = (f: readonly Finding[]) => f.reduce((sum, one) => sum + one.bits, 0)
  if (agree(swapped) > agree(straight) + 1) return { level: 'swapped', bits: bits(swapped) }
  return { level: `${straight[0].level} given, ${straight[1].level} family`, bits: bits(straight) }
}
const AGREEMENT: Partial<Record<WordLevel, number>> = { same: 2, near: 1.5, different: -1 }

/** The person to talk to, at two companies. */
function contact(a: Subject, b: Subject, census: Census): Finding | undefined {
  const [given, family] = [
    wordFinding('given', a.person!.given, b.person!.given, census)!,
    wordFinding('surname', a.person!.surname, b.person!.surname, census)!,
  ]
  const alike = [given, family].every((f) => f.level === 'same' || f.level === 'near')
  return alike ? { level: 'same', bits: given.bits + family.bits } : { level: 'different', bits: 0 }
}

function born(a: Subject, b: Subject, census: Census): Finding | undefined {
  if (!a.born || !b.born) return undefined
  if (a.born === b.born) return { level: 'same', bits: census.bits('born', a.born) }
  if (a.born.slice(0, 4) + a.born.slice(6) + a.born.slice(4, 6) === b.born) return { level: 'near', bits: 0 }
  const n = edits(a.born, b.born, 2)
  return { level: n === 1 ? 'near' : n === 2 ? 'far' : 'different', bits: 0 }
}

function district(a: Subject, b: Subject, census: Census): Finding | undefined {
  if (!a.district || !b.district) return undefined
  if (a.district === b.district) return { level: 'same', bits: census.bits('text', a.district) }
  return { level: edits(a.district, b.district, 2) <= 2 && a.district.length > 5 ? 'near' : 'different', bits: 0 }
}

const region = (a: Subject, b: Subject): Finding | undefined =>
  a.region && b.region
    ? { level: a.region === b.region ? 'same' : edits(a.region, b.region, 1) === 1 ? 'near' : 'different', bits: 0 }
    : undefined
