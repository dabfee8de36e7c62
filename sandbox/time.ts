/** Times as text. `Date` takes half a microsecond for one, and a page of records has hundreds. */

const DAY = 86_400_000
const padded = (count: number, width: number) => Array.from({ length: count }, (_, i) => String(i).padStart(width, '0'))
const TWO = padded(60, 2)
const MINUTES = Array.from({ length: 1440 }, (_, i) => `${TWO[Math.floor(i / 60)]}:${TWO[i % 60]}:`)
const SECONDS = TWO.map((s) => `${s}.`)
const MILLIS = padded(1000, 3)
/** Day since the epoch -> `2024-09-10T`. */
const dates = new Map<number, string>()

/** `2024-09-10T13:57:45.000Z`. @param zone what stands for UTC at its end. @throws RangeError as `toISOString` does. */
export function isoTime(ms: number, zone = 'Z'): string {
  const whole = Math.trunc(ms)
  const day = Math.floor(whole / DAY)
  let date = dates.get(day)
  if (date === undefined) {
    const text = new Date(whole).toISOString()
    date = text.slice(0, text.indexOf('T') + 1)
    dates.set(day, date)
  }
  const rest = whole - day * DAY
  const seconds = Math.floor(rest / 1000)
  return date + MINUTES[Math.floor(seconds / 60)] + SECONDS[seconds % 60] + MILLIS[rest - seconds * 1000] + zone
}
