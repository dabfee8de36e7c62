import fc from 'fast-check'
import { expect, test } from 'vitest'
import { after, between, type Calendar } from '../../../sync/registrations/business-time.ts'
import { afterQuiet } from '../../../sync/registrations/notify.ts'
import { parseRules, type Rules } from '../../../sync/registrations/rules.ts'

/** Working time, in any zone, across weekends, holidays and clocks that are set. */

const HOUR = 3_600_000
const calendar = (more: Partial<Calendar> = {}): Calendar => ({
  timeZone: 'America/New_York',
  days: new Set([1, 2, 3, 4, 5]),
  hours: [9 * HOUR, 17 * HOUR],
  holidays: new Set(['2026-12-25']),
  ...more,
})
const at = (iso: string) => Date.parse(iso)
const end = (since: string, hours: number, c = calendar()) => new Date(after(c, at(since), hours * HOUR)).toISOString()

test.each([
  ['within a day', '2026-11-30T15:00:00Z', 2, '2026-11-30T17:00:00.000Z'],
  ['before it opens', '2026-11-30T05:00:00Z', 1, '2026-11-30T15:00:00.000Z'],
  ['into the next day', '2026-11-30T21:00:00Z', 2, '2026-12-01T15:00:00.000Z'],
  ['over a weekend', '2026-11-27T21:00:00Z', 2, '2026-11-30T15:00:00.000Z'],
  ['over a holiday and the weekend behind it', '2026-12-24T21:30:00Z', 1, '2026-12-28T14:30:00.000Z'],
  ['48 hours are six days of eight', '2026-11-30T14:00:00Z', 48, '2026-12-07T22:00:00.000Z'],
  // The clock goes forward on 14 March 2027 and back on 1 November 2026: a working day is as long as ever.
  ['over a clock that goes forward', '2027-03-12T21:00:00Z', 2, '2027-03-15T14:00:00.000Z'],
  ['over a clock that goes back', '2026-10-30T20:00:00Z', 2, '2026-11-02T15:00:00.000Z'],
])('%s', (_, since, hours, until) => {
  expect(end(since, hours)).toBe(until)
})

test('whole days: two working days are 48 hours, but for days on which the clock is set', () => {
  const whole = calendar({ timeZone: 'UTC', hours: [0, 24 * HOUR], holidays: new Set() })
  expect(end('2026-11-27T12:00:00Z', 48, whole)).toBe('2026-12-01T12:00:00.000Z')
})

test('law: so much working time lies between a moment and what comes after it, and more of it ends later', () => {
  const zones = ['UTC', 'America/New_York', 'Europe/Berlin', 'Asia/Kolkata', 'Australia/Lord_Howe', 'America/Santiago']
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2028-01-01T00:00:00Z') }),
      fc.integer({ min: 1, max: 400 * HOUR }),
      fc.constantFrom<[number, number]>([0, 24 * HOUR], [9 * HOUR, 17 * HOUR], [0, 12 * HOUR]),
      (timeZone, since, ms, hours) => {
        const c = calendar({ timeZone, hours })
        const until = after(c, since, ms)
        expect(between(c, since, until)).toBe(ms)
        expect(after(c, since, ms + HOUR)).toBeGreaterThan(until)
      },
    ),
    { numRuns: 200 },
  )
})

test('a calendar without working time is told, and does not run for ever', () => {
  expect(() => after(calendar({ days: new Set() }), at('2026-11-30T00:00:00Z'), 1)).toThrow(/no working time/)
})

test.each([
  ['within the day', ['12:00', '14:00'], '2026-11-30T13:00:00Z', '2026-11-30T14:00:00.000Z'],
  ['outside', ['12:00', '14:00'], '2026-11-30T15:00:00Z', '2026-11-30T15:00:00.000Z'],
  ['over midnight, in the evening', ['20:00', '07:00'], '2026-11-30T21:00:00Z', '2026-12-01T07:00:00.000Z'],
  ['over midnight, in the morning', ['20:00', '07:00'], '2026-12-01T03:00:00Z', '2026-12-01T07:00:00.000Z'],
  ['over midnight, by day', ['20:00', '07:00'], '2026-12-01T12:00:00Z', '2026-12-01T12:00:00.000Z'],
])('quiet hours: %s', (_, quiet, now, until) => {
  const { rules } = parseRules(`notify:\n  quiet: ${JSON.stringify(quiet)}`) as { rules: Rules }
  expect(new Date(afterQuiet(rules, at(now))).toISOString()).toBe(until)
})
