/** Calendar dates in a time zone, with Intl only. */

const formatters = new Map<string, Intl.DateTimeFormat>()
const formatter = (timeZone: string) => {
  let found = formatters.get(timeZone)
  if (!found) {
    found = new Intl.DateTimeFormat('en-CA', {
      timeZone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    })
    formatters.set(timeZone, found)
  }
  return found
}

/** The calendar date on which an instant falls in a zone. */
export function dateIn(timeZone: string, instant: number): string {
  if (timeZone === 'UTC') return new Date(instant).toISOString().slice(0, 10)
  return formatter(timeZone).format(instant).slice(0, 10)
}

/** Milliseconds that the zone's wall clock is ahead of UTC at an instant. */
function offset(timeZone: string, instant: number): number {
  const parts = Object.fromEntries(
    formatter(timeZone)
      .formatToParts(instant)
      .map((p) => [p.type, Number(p.value)]),
  )
  const wall = Date.UTC(parts.year!, parts.month! - 1, parts.day!, parts.hour!, parts.minute!, parts.second!)
  return wall - Math.floor(instant / 1000) * 1000
}

/**
 * The first instant of a calendar date in a zone. Where a clock change skips midnight the day begins
 * later; the instant returned always falls on the date.
 */
export function startOfDate(timeZone: string, date: string): number {
  const midnight = Date.parse(`${date}T00:00:00Z`)
  if (timeZone === 'UTC') return midnight
  let instant = midnight - offset(timeZone, midnight)
  instant = midnight - offset(timeZone, instant)
  while (dateIn(timeZone, instant) < date) instant += 3_600_000
  return instant
}
