import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Policy } from '../../mappings/mapping.ts'
import { isBlank, same, type Value } from '../../mappings/model/value.ts'
import type { Interval } from '../../mappings/state.ts'
import { type Contest, judge } from '../../sync/merge/policy.ts'

/** The laws of the conflict policies. A failing run prints its seed. */

const NAMES: Record<string, string[]> = { A: ['salesforce'], B: ['hubspot'] }
const contest = (h: Value, r: Value, hubAt: Interval = [0, 0], remoteAt: Interval = [0, 0]): Contest => ({
  hub: { value: h, origin: 'A', at: hubAt },
  remote: { value: r, origin: 'B', at: remoteAt },
  namesOf: (o) => NAMES[o] ?? [o],
})
/** The same two changes, seen from the other side. */
const mirrored = (c: Contest): Contest => ({ ...c, hub: c.remote, remote: c.hub })
const decided = (policy: Policy, c: Contest): Value | 'undecided' => {
  const verdict = judge(policy, c)
  return 'undecided' in verdict ? 'undecided' : verdict.value
}

const decimal = fc.tuple(fc.integer({ min: -9_999, max: 9_999 }), fc.nat(99)).map(([a, b]) => `${a}.${b}`)
const money = fc.record({ amount: decimal, currency: fc.constantFrom('EUR', 'USD') })
const scalar: fc.Arbitrary<Value> = fc.oneof(fc.constant(null), decimal, money, fc.string(), fc.integer())
const set: fc.Arbitrary<Value> = fc.option(fc.uniqueArray(fc.oneof(fc.string(), money), { maxLength: 5 }) as fc.Arbitrary<Value>)
const interval = fc
  .tuple(fc.integer({ min: 1, max: 60_000 }), fc.nat(20_000))
  .map(([from, long]): Interval => [from, from + long])
const differing = fc.tuple(scalar, scalar, interval, interval).filter(([a, b]) => !same(a, b))
const contests = differing.map((c) => contest(...c))
const law = (holds: (c: Contest) => void) => fc.assert(fc.property(contests, (c) => void holds(c)))

describe('of every policy', () => {
  test.each<Policy>(['latest', 'fill', 'max', 'min', 'union', 'manual', { source: 'hubspot' }])(
    '%j judges two changes alike, whichever side asks',
    (policy) => law((c) => expect(decided(policy, mirrored(c))).toEqual(decided(policy, c))),
  )
  test.each<Policy>(['latest', 'fill', 'max', 'min', { source: 'salesforce' }])('%j invents no value', (policy) =>
    law((c) => expect(['undecided', c.hub.value, c.remote.value]).toContainEqual(decided(policy, c))),
  )
})

test('manual decides nothing', () => law((c) => expect(decided('manual', c)).toBe('undecided')))

test('source takes the value of the named connection, and decides nothing without it', () =>
  law((c) => {
    expect(decided({ source: 'salesforce' }, c)).toEqual(c.hub.value)
    expect(decided({ source: 'hubspot' }, c)).toEqual(c.remote.value)
    expect(decided({ source: 'pipedrive' }, c)).toBe('undecided')
  }))

describe('latest', () => {
  test('takes the later change, exactly where both times are known and lie five seconds apart', () =>
    law((c) => {
      const [[hubFrom, hubTo], [from, to]] = [c.hub.at, c.remote.at]
      const expected = from - hubTo >= 5_000 ? c.remote.value : hubFrom - to >= 5_000 ? c.hub.value : 'undecided'
      expect(decided('latest', c)).toEqual(expected)
    }))
  test('does not decide where a time is not known', () =>
    law((c) => expect(decided('latest', { ...c, hub: { ...c.hub, at: [0, 0] } })).toBe('undecided')))
})

test('fill takes the value that is there, and decides nothing where both are', () =>
  law((c) => {
    const there = [c.hub.value, c.remote.value].filter((v) => !isBlank(v))
    expect(decided('fill', c)).toEqual(there.length === 1 ? there[0] : 'undecided')
  }))

describe('max and min', () => {
  test('of two amounts of one currency take the larger and the smaller; a value beats none', () =>
    fc.assert(
      fc.property(decimal, decimal, (a, b) => {
        const [small, large] = Number(a) <= Number(b) ? [a, b] : [b, a]
        const as = (amount: string): Value => ({ amount, currency: 'EUR' })
        expect(Number((decided('max', contest(as(a), as(b))) as { amount: string }).amount)).toBe(Number(large))
        expect(Number((decided('min', contest(as(a), as(b))) as { amount: string }).amount)).toBe(Number(small))
        expect(decided('max', contest(null, b))).toBe(b)
        expect(decided('min', contest(a, null))).toBe(a)
      }),
    ))
  test('do not compare currencies', () =>
    expect(decided('max', contest({ amount: '9', currency: 'EUR' }, { amount: '10', currency: 'USD' }))).toBe('undecided'))
})

test('union keeps every element of both, once, in an order of its own', () =>
  fc.assert(
    fc.property(set, set, set, (a, b, c) => {
      const union = (x: Value, y: Value) => decided('union', contest(x, y)) as Value
      const all = union(a, b)
      for (const element of [...((a as Value[] | null) ?? []), ...((b as Value[] | null) ?? [])])
        expect((all as Value[]).filter((x) => same(x, element))).toHaveLength(1)
      expect(union(all, c)).toEqual(union(a, union(b, c)))
      expect(union(all, all)).toEqual(all)
    }),
  ))
