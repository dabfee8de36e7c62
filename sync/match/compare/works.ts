import type { Census } from '../census.ts'
import { edits } from '../strings.ts'
import type { Subject } from '../subject.ts'
import type { Finding, Found } from './finding.ts'

/** What else tells things apart: the people behind them, their year, their kind, their price, a number of their own. */
export function compareWorks(a: Subject, b: Subject, census: Census): Found[] {
  const found: Found[] = []
  const add = (comparison: Found['comparison'], finding: Finding | undefined) => finding && found.push({ comparison, ...finding })
  add('people', people(a, b, census))
  add('year', year(a, b))
  add('category', category(a, b, census))
  add('price', price(a, b))
  add('identifier', identifier(a, b))
  return found
}

/** Lists of people: how many of the shorter list are on the other, told by family name and first letter. */
function people(a: Subject, b: Subject, census: Census): Finding | undefined {
  if (a.people.length === 0 || b.people.length === 0) return undefined
  const [short, long] = a.people.length <= b.people.length ? [a.people, b.people] : [b.people, a.people]
  let bits = 0
  let met = 0
  const taken = new Set<number>()
  for (const p of short) {
    const j = long.findIndex((q, k) => !taken.has(k) && samePerson(p, q))
    if (j < 0) continue
    taken.add(j)
    met++
    bits += Math.min(census.bits('surname', p.at(-1)!), census.bits('surname', long[j]!.at(-1)!))
  }
  const level =
    met === long.length
      ? 'all'
      : met === short.length
        ? 'contained'
        : met * 2 >= short.length
          ? 'half'
          : met > 0
            ? 'some'
            : 'none'
  return { level, bits: met ? bits : 0 }
}

function samePerson(p: readonly string[], q: readonly string[]): boolean {
  const [x, y] = [p.at(-1)!, q.at(-1)!]
  if (x === y) return p.length < 2 || q.length < 2 || p[0]![0] === q[0]![0]
  if (p.join('') === q.join('')) return true
  return x.length >= 5 && y.length >= 5 && edits(x, y, 1) <= 1 && p[0]![0] === q[0]![0]
}

function year(a: Subject, b: Subject): Finding | undefined {
  if (!a.year || !b.year) return undefined
  const apart = Math.abs(a.year - b.year)
  return { level: apart === 0 ? 'same' : apart === 1 ? 'next' : 'different', bits: 0 }
}

/** Kinds and venues are coded differently by every system: what corresponds was counted on equal names. */
function category(a: Subject, b: Subject, census: Census): Finding | undefined {
  if (!a.category || !b.category) return undefined
  if (a.category === b.category) return { level: 'same', bits: 0 }
  return { level: census.correspondence(a.category, b.category), bits: 0 }
}

function price(a: Subject, b: Subject): Finding | undefined {
  if (!a.price || !b.price) return undefined
  const ratio = Math.abs(Math.log2(a.price / b.price))
  return { level: ratio < 0.02 ? 'same' : ratio < 0.3 ? 'near' : 'different', bits: 0 }
}

function identifier(a: Subject, b: Subject): Finding | undefined {
  if (a.identifiers.length === 0 || b.identifiers.length === 0) return undefined
  return { level: a.identifiers.some((x) => b.identifiers.includes(x)) ? 'same' : 'different', bits: 0 }
}
