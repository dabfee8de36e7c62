import { dateIn, startOfDate } from '../../mappings/dates.ts'

/** Time in which somebody is there to decide. Pure: every moment is an argument, in milliseconds since 1970. */
export interface Calendar {
  /** Of the workspace, such as `America/New_York`. */
  timeZone: string
  /** ISO week days on which people work: 1 is Monday. */
  days: ReadonlySet<number>
  /** Milliseconds after midnight, from and to: a working day has these hours. */
  hours: readonly [from: number, to: number]
  /** Dates on which nobody works, such as `2026-12-25`. */
  holidays: ReadonlySet<string>
}

const DAY_MS = 86_400_000
/** A calendar that leaves no working time within this many days is a mistake. */
const LONGEST_PAUSE_DAYS = 366

/** The moment at which so much working time has passed since a moment. @throws when there is no working time. */
export function after(calendar: Calendar, since: number, workingMs: number): number {
  let left = workingMs
  let idle = 0
  for (let date = dateIn(calendar.timeZone, since); ; date = nextDate(date)) {
    const open = hoursOf(calendar, date)
    if (!open) {
      if (++idle > LONGEST_PAUSE_DAYS) throw new Error('the calendar has no working time for a whole year')
      continue
    }
    idle = 0
    const from = Math.max(open[0], since)
    if (from >= open[1]) continue
    if (from + left <= open[1]) return from + left
    left -= open[1] - from
  }
}

/** Working time between two moments. */
export function between(calendar: Calendar, from: number, to: number): number {
  let sum = 0
  for (let date = dateIn(calendar.timeZone, from); startOfDate(calendar.timeZone, date) < to; date = nextDate(date)) {
    const open = hoursOf(calendar, date)
    if (open) sum += Math.max(0, Math.min(open[1], to) - Math.max(open[0], from))
  }
  return sum
}

const nextDate = (date: string): string => new Date(Date.parse(`${date}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10)

/** The working hours of a date, as moments. Days on which the clock is set forward or back are as long as they are. */
function hoursOf({ timeZone, days, hours, holidays }: Calendar, date: string): [number, number] | undefined {
  const weekday = new Date(`${date}T00:00:00Z`).getUTCDay() || 7
  if (!days.has(weekday) || holidays.has(date)) return undefined
  const midnight = startOfDate(timeZone, date)
  const next = startOfDate(timeZone, nextDate(date))
  const wall = (ms: number) => (ms === 0 ? midnight : ms === DAY_MS ? next : wallTime(timeZone, date, ms))
  return [wall(hours[0]), wall(hours[1])]
}

/** A time of day on a date. What a clock change skips is the moment after the gap. */
function wallTime(timeZone: string, date: string, ms: number): number {
  const midnight = startOfDate(timeZone, date)
  const next = startOfDate(timeZone, nextDate(date))
  // The clock was set by so much during this day; whether before or after this time is told by trying.
  const shift = next - midnight - DAY_MS
  if (shift === 0) return midnight + ms
  const shifted = midnight + ms + shift
  return clockIn(timeZone, shifted) === ms ? shifted : midnight + ms
}

function clockIn(timeZone: string, at: number): number {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(at)
  const [h, m] = parts.split(':').map(Number)
  return (h! * 60 + m!) * 60_000
}
