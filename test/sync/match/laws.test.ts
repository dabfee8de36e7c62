import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Census } from '../../../sync/match/census.ts'
import { clusters, pairKey } from '../../../sync/match/clusters.ts'
import { matchSources, matchWithin } from '../../../sync/match/match-sets.ts'
import { keyOf } from '../../../sync/match/metrics.ts'
import type { ScoredPair } from '../../../sync/match/pairs.ts'
import { oneToOne } from '../../../sync/match/rivals.ts'
import { compareAll, type Kind, sumOf } from '../../../sync/match/score.ts'
import { countThings, parseSubject, type Raw, type Role, type Subject } from '../../../sync/match/subject.ts'
import { WEIGHTS } from '../../../sync/match/weights.ts'

/** The laws of the match engine. A failing run prints its seed. */

const WORDS = 'nordic baltic harbor granite cobalt meadow falcon orchid quartz ember lantern summit willow breeze'.split(' ')
const FORMS = ['', 'Ltd', 'GmbH', 'S.A.', 'Inc.']
const word = fc.constantFrom(...WORDS)
const digits = (length: number) => fc.string({ minLength: length, maxLength: length, unit: fc.constantFrom(...'0123456789') })
const name = fc
  .tuple(fc.array(word, { minLength: 1, maxLength: 3 }), fc.constantFrom(...FORMS))
  .map(([w, f]) => [...w, f].join(' ').trim())
const values: Record<'company' | 'person' | 'generic', Partial<Record<Role, fc.Arbitrary<string>>>> = {
  company: {
    name,
    street: fc.tuple(fc.integer({ min: 1, max: 40 }), word).map(([n, w]) => `${n} ${w} street`),
    city: word,
    postcode: digits(5),
    country: fc.constantFrom('DE', 'France', 'ITA'),
    phone: digits(10),
    website: word.map((w) => `www.${w}.com`),
  },
  person: {
    given: word,
    surname: word,
    born: fc
      .date({ min: new Date('1950-01-01'), max: new Date('1990-01-01'), noInvalidDate: true })
      .map((d) => d.toISOString().slice(0, 10)),
    email: fc.tuple(word, word).map(([a, b]) => `${a}@${b}.com`),
    city: word,
    phone: digits(10),
  },
  generic: {
    name,
    people: fc.array(word, { minLength: 1, maxLength: 3 }).map((w) => w.join(', ')),
    year: fc.integer({ min: 1990, max: 2020 }).map(String),
  },
}
const kinds = Object.keys(values) as (keyof typeof values)[]

/** A record of a kind; any field may be missing. */
const raw = (kind: keyof typeof values): fc.Arbitrary<Raw> =>
  fc.record(values[kind] as Record<Role, fc.Arbitrary<string>>, { requiredKeys: [] })
const table = (kind: keyof typeof values, source = '') =>
  fc.array(raw(kind), { minLength: 4, maxLength: 25 }).map((rows) => rows.map((r, i) => parseSubject(`${source}${i}`, source, r)))
const censusOf = (subjects: readonly Subject[]): Census => {
  const census = new Census()
  countThings(
    census,
    subjects.map((s) => [s]),
  )
  return census
}
const scoreOf = (a: Subject, b: Subject, census: Census, kind: Kind) => sumOf(compareAll(a, b, census, WEIGHTS[kind]))

describe.each(kinds)('%s', (kind) => {
  test('symmetry: a against b scores as b against a', () => {
    fc.assert(
      fc.property(table(kind), raw(kind), raw(kind), (subjects, one, other) => {
        const census = censusOf(subjects)
        const [a, b] = [parseSubject('a', '', one), parseSubject('b', '', other)]
        expect(scoreOf(a, b, census, kind)).toBeCloseTo(scoreOf(b, a, census, kind), 9)
      }),
      { numRuns: 300 },
    )
  })

  test('monotony: a value that both have alike never lowers the score', () => {
    fc.assert(
      fc.property(
        table(kind),
        raw(kind),
        raw(kind),
        fc.constantFrom(...(Object.keys(values[kind]) as Role[])),
        fc.nat(),
        (subjects, one, other, role, pick) => {
          // The name of a person comes in two halves, and a half is no name: added to names that have both.
          if (kind === 'person' && (role === 'given' || role === 'surname')) return
          const census = censusOf(subjects)
          const [x, y] = [{ ...one }, { ...other }]
          delete x[role]
          delete y[role]
          const value = fc.sample(values[kind][role]!, { numRuns: 1, seed: pick })[0]!
          const before = scoreOf(parseSubject('a', '', x), parseSubject('b', '', y), census, kind)
          const after = scoreOf(
            parseSubject('a', '', { ...x, [role]: value }),
            parseSubject('b', '', { ...y, [role]: value }),
            census,
            kind,
          )
          expect(after).toBeGreaterThanOrEqual(before - 1e-9)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('missing is neutral: a field that one record lacks adds no evidence', () => {
    fc.assert(
      fc.property(raw(kind), raw(kind), fc.constantFrom(...(Object.keys(values[kind]) as Role[])), (one, other, role) => {
        const lacking = { ...other }
        delete lacking[role]
        const census = new Census()
        const without = { ...one }
        delete without[role]
        const a = compareAll(parseSubject('a', '', one), parseSubject('b', '', lacking), census, WEIGHTS[kind])
        const b = compareAll(parseSubject('a', '', without), parseSubject('b', '', lacking), census, WEIGHTS[kind])
        expect(a).toEqual(b)
      }),
      { numRuns: 300 },
    )
  })

  test('the explanation sums to the score, after tuning and rivals too', () => {
    fc.assert(
      fc.property(table(kind, 'L'), table(kind, 'R'), (left, right) => {
        for (const p of matchSources(left, right, kind).pairs) expect(sumOf(p.evidence)).toBeCloseTo(p.score, 9)
      }),
      { numRuns: 15 },
    )
  })

  test('the order of the records changes nothing', () => {
    fc.assert(
      fc.property(
        table(kind).chain((t) => fc.tuple(fc.constant(t), fc.shuffledSubarray(t, { minLength: t.length, maxLength: t.length }))),
        ([subjects, shuffled]) => {
          const ids = subjects.map((s) => s.id)
          const say = (given: readonly Subject[]) => {
            const { pairs } = matchWithin(given, kind)
            return { scores: pairs.map((p) => [keyOf(p), p.score]), groups: clusters(ids, pairs) }
          }
          expect(say(shuffled)).toEqual(say(subjects))
        },
      ),
      { numRuns: 15 },
    )
  })
})

describe('clusters', () => {
  const ids = ['a', 'b', 'c', 'd']
  const pair = (x: string, y: string, score: number): ScoredPair => ({
    a: parseSubject(x, '', {}),
    b: parseSubject(y, '', {}),
    score,
    evidence: [],
  })

  test('a record in between does not chain two things together that speak against each other', () => {
    expect(clusters(ids, [pair('a', 'b', 5), pair('b', 'c', 1), pair('a', 'c', -20)])).toEqual([['a', 'b'], ['c'], ['d']])
  })

  test('pairs for review join nothing', () => {
    expect(clusters(ids, [pair('a', 'b', -1), pair('b', 'c', -0.01)])).toEqual([['a'], ['b'], ['c'], ['d']])
  })

  test('what a person called different is never in one group, through no chain of others', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...ids), fc.constantFrom(...ids), fc.double({ min: -10, max: 20, noNaN: true })), {
          maxLength: 8,
        }),
        fc.array(fc.tuple(fc.constantFrom(...ids), fc.constantFrom(...ids)), { maxLength: 3 }),
        (edges, said) => {
          const apart = new Set(said.filter(([x, y]) => x !== y).map(([x, y]) => pairKey(x, y)))
          const groups = clusters(
            ids,
            edges.filter(([x, y]) => x !== y).map(([x, y, s]) => pair(x, y, s)),
            apart,
          )
          for (const g of groups) for (const x of g) for (const y of g) expect(apart.has(pairKey(x, y)) && x !== y).toBe(false)
          expect(groups.flat().sort()).toEqual(ids)
        },
      ),
    )
  })

  test('one to one: no record is in two pairs, and none is left that would still fit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom('c', 'd'), fc.double({ min: -5, max: 9, noNaN: true })), {
          maxLength: 6,
        }),
        (edges) => {
          const pairs = edges.map(([x, y, s]) => pair(x, y, s))
          const chosen = oneToOne(pairs, 0)
          const used = chosen.flatMap((p) => [p.a.id, p.b.id])
          expect(new Set(used).size).toBe(used.length)
          for (const p of pairs) if (p.score >= 0) expect(used.includes(p.a.id) || used.includes(p.b.id)).toBe(true)
        },
      ),
    )
  })
})
