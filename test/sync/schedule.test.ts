import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Allowance, duePolls, type PolledObject } from '../../sync/pull/schedule.ts'

/** Plays a day, second by second at most, and counts the calls that polling makes. */
function playedDay(
  names: string[],
  busy: ReadonlySet<string>,
  allowance: Allowance,
): { calls: number; longest: Map<string, number> } {
  const objects: PolledObject[] = names.map((name) => ({ name, polledAt: -1e9, busyAt: -1e9 }))
  const longest = new Map<string, number>()
  let calls = 0
  for (let now = 0; now < 86_400_000; ) {
    for (const o of objects) if (busy.has(o.name)) o.busyAt = now
    const { due, nextMs } = duePolls(objects, allowance, now)
    calls += Math.ceil(due.length / allowance.perCall)
    for (const o of objects)
      if (due.includes(o.name)) {
        if (o.polledAt >= 0) longest.set(o.name, Math.max(longest.get(o.name) ?? 0, now - o.polledAt))
        o.polledAt = now
      }
    now += Math.max(100, nextMs)
  }
  return { calls, longest }
}

const OBJECTS = ['Account', 'Contact', 'Opportunity', 'Registration', 'Lead']

describe('polling keeps to its share of the day', () => {
  test.each([
    ['Salesforce, five objects a call', { dayLimit: 100_000, perCall: 5 }],
    ['HubSpot, one object a call', { dayLimit: 250_000, perCall: 1 }],
    ['a small allowance', { dayLimit: 5_000, perCall: 5 }],
  ])('%s', (_, allowance) => {
    for (const busy of [new Set<string>(), new Set(['Account']), new Set(OBJECTS)]) {
      const { calls } = playedDay(OBJECTS, busy, allowance)
      expect(calls).toBeLessThanOrEqual(allowance.dayLimit * 0.2 * 1.01)
    }
  })

  test('for any objects and any allowance (seed printed on failure)', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 2_000, max: 60_000 }),
        fc.integer({ min: 0, max: 12 }),
        (count, perCall, dayLimit, busyCount) => {
          const names = Array.from({ length: count }, (_, i) => `o${i}`)
          const { calls } = playedDay(names, new Set(names.slice(0, busyCount)), { dayLimit, perCall })
          // Nothing is asked less often than every five minutes, whatever it costs.
          expect(calls).toBeLessThanOrEqual(dayLimit * 0.2 * 1.01 + 288 * count)
        },
      ),
      { numRuns: 100 },
    )
  })
})

test('a busy object is asked more often than idle ones, and no idle one is forgotten', () => {
  const { longest } = playedDay(OBJECTS, new Set(['Account']), { dayLimit: 250_000, perCall: 1 })
  expect(longest.get('Account')!).toBeLessThan(longest.get('Lead')!)
  for (const name of OBJECTS) expect(longest.get(name)!).toBeLessThanOrEqual(5 * 60_000)
})

test('without a stated allowance busy objects are asked every second, idle ones every three', () => {
  const objects = [
    { name: 'busy', polledAt: 0, busyAt: 0 },
    { name: 'idle', polledAt: 0, busyAt: -1e9 },
  ]
  const free = { dayLimit: undefined, perCall: 1 }
  expect(duePolls(objects, free, 999).due).toEqual([])
  expect(duePolls(objects, free, 1_000).due).toEqual(['busy'])
  expect(duePolls(objects, free, 3_000).due.sort()).toEqual(['busy', 'idle'])
})
