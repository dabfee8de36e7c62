import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decide, type Pair } from '../../sync/match/decide.ts'

const pair = (row: string, record: string, ranks = [0], taken = false): Pair => ({ row, record, ranks, taken })

describe('which row is which record', () => {
  test('one and only one: linked', () => expect(decide(['r'], [pair('r', 'A')]).get('r')).toEqual({ link: 'A' }))
  test('nothing shares a key: a record of its own', () => expect(decide(['r'], []).get('r')).toEqual({ fresh: true }))
  test('two records fit equally well: reviewed', () =>
    expect(decide(['r'], [pair('r', 'A'), pair('r', 'B')]).get('r')).toMatchObject({ review: ['A', 'B'] }))
  test('a second shared rule tells them apart', () =>
    expect(decide(['r'], [pair('r', 'A'), pair('r', 'B', [0, 1])]).get('r')).toEqual({ link: 'B' }))
  test('two rows that want one record are both reviewed', () => {
    const found = decide(['r', 's'], [pair('r', 'A'), pair('s', 'A')])
    expect([...found.values()].every((d) => 'review' in d)).toBe(true)
  })
  test('a record that has a row here already makes the other a possible duplicate', () =>
    expect(decide(['r'], [pair('r', 'A', [0], true)]).get('r')).toMatchObject({ review: ['A'] }))
})

const pairs = fc
  .array(
    fc.record({
      row: fc.constantFrom('r', 's', 't'),
      record: fc.constantFrom('A', 'B', 'C'),
      ranks: fc.constantFrom([0], [1], [0, 1]),
      taken: fc.boolean(),
    }),
    { maxLength: 9 },
  )
  .map((list) => [...new Map(list.map((p) => [p.row + p.record, p])).values()])

test('no record is linked twice, and the order of pairs does not matter', () =>
  fc.assert(
    fc.property(pairs, (list) => {
      const rows = ['r', 's', 't']
      const one = decide(rows, list)
      const linked = [...one.values()].flatMap((d) => ('link' in d ? [d.link] : []))
      expect(new Set(linked).size).toBe(linked.length)
      const two = decide(rows, [...list].reverse())
      for (const row of rows) {
        const [a, b] = [one.get(row)!, two.get(row)!]
        expect('link' in a ? a.link : Object.keys(a)[0]).toEqual('link' in b ? b.link : Object.keys(b)[0])
      }
    }),
  ))
