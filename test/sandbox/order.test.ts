import { describe, expect, test } from 'vitest'
import { seeded } from '../../sandbox/faults.ts'
import { IdOrder } from '../../sandbox/id-order.ts'
import { isoTime } from '../../sandbox/time.ts'
import { Timeline } from '../../sandbox/timeline.ts'

interface Row {
  id: string
  at: number
}
const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
const timeline = () => new Timeline<Row>((row) => row.at, byText)

describe('rows by their last change', () => {
  test('a row that changes again stands once, at its last change', () => {
    const line = timeline()
    const [a, b] = [
      { id: 'a', at: 1 },
      { id: 'b', at: 2 },
    ]
    line.note(a)
    line.note(b)
    a.at = 3
    line.note(a)
    expect(line.since(1)).toEqual([b, a])
    expect(line.length).toBe(3)
  })

  test('rows of one time come by their ids, however often they were noted', () => {
    const line = timeline()
    const rows = ['c', 'a', 'b', 'a'].map((id) => ({ id, at: 5 }))
    const a = rows[1]!
    for (const row of [rows[0]!, a, rows[2]!, a]) line.note(row)
    expect(line.since(5).map((r) => r.id)).toEqual(['a', 'b', 'c'])
  })

  test('a late commit stands where its time is', () => {
    const line = timeline()
    for (const [id, at] of [
      ['a', 10],
      ['b', 20],
      ['c', 15],
    ] as const)
      line.note({ id, at })
    expect(line.since(12).map((r) => r.id)).toEqual(['c', 'b'])
  })

  test('it agrees with a scan of all rows, whatever happens to them', () => {
    const random = seeded(11)
    const int = (n: number) => Math.floor(random() * n)
    const line = timeline()
    const rows: Row[] = []
    let now = 100
    for (let step = 0; step < 6_000; step++) {
      now += int(3)
      const at = int(10) === 0 ? now - int(40) : now
      const what = int(10)
      if (what < 3) {
        rows.push({ id: `r${int(1_000)}-${step}`, at })
        line.note(rows.at(-1)!)
      } else if (what < 8 && rows.length > 0) {
        const row = rows[int(rows.length)]!
        row.at = at
        line.note(row)
      } else if (what === 8 && rows.length > 0) line.forget(rows.splice(int(rows.length), 1)[0]!)
      else {
        const since = now - int(60)
        const expected = rows.filter((r) => r.at >= since).sort((a, b) => a.at - b.at || byText(a.id, b.id))
        expect(line.since(since)).toEqual(expected)
      }
    }
  })
})

test('rows come in the order of their ids from a given one on, imported and removed ones too', () => {
  const order = new IdOrder<Row>(byText)
  const rows = ['b', 'd', 'f', 'a', 'e'].map((id) => ({ id, at: 0 }))
  for (const row of rows) order.add(row)
  expect([...order.from()].map((r) => r.id).join('')).toBe('abdef')
  order.remove(rows[1]!)
  expect([...order.from('c')].map((r) => r.id).join('')).toBe('ef')
})

test('times are written as Date writes them', () => {
  const random = seeded(3)
  for (const ms of [
    0,
    -1,
    999,
    -62_198_755_200_000,
    253_402_300_800_000,
    ...Array.from({ length: 500 }, () => (random() - 0.3) * 4e12),
  ])
    expect(isoTime(ms)).toBe(new Date(ms).toISOString())
  expect(() => isoTime(Number.NaN)).toThrow(RangeError)
})
