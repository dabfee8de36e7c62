/** Numbers and days as people of several countries write them. */

/** "1,234.50", "1.234,50", "12,99 €" and "1234.5"; undefined where there is no number. */
export function parseNumber(text: string): number | undefined {
  const digits = text.replace(/[^\d.,-]/g, '')
  const [dot, comma] = [digits.lastIndexOf('.'), digits.lastIndexOf(',')]
  const groups = (mark: '.' | ',') => digits.split(mark).length - 1
  // Of two marks the last is the decimal one; one alone is, unless it stands more than once or before three digits as a comma.
  const decimal =
    dot >= 0 && comma >= 0
      ? dot > comma
        ? '.'
        : ','
      : comma >= 0
        ? groups(',') === 1 && !/,\d{3}$/.test(digits)
          ? ','
          : ''
        : groups('.') > 1
          ? ''
          : '.'
  const plain =
    decimal === ','
      ? digits.replaceAll('.', '').replace(',', '.')
      : decimal === '.'
        ? digits.replaceAll(',', '')
        : digits.replace(/[.,]/g, '')
  const n = plain === '' ? Number.NaN : Number(plain)
  return Number.isFinite(n) ? n : undefined
}

/**
 * A day as eight digits, year first: "2026-03-01", "20260301", "1.3.2026" (day first), "3/1/2026" (month first, unless
 * that is none). A time behind it is left out. Undefined where the text is no day.
 */
export function parseDay(text: string): string | undefined {
  const iso = /^(\d{4})-?(\d{2})-?(\d{2})(?:$|[T ])/.exec(text.trim())
  const other = /^(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?:$|[ ,T])/.exec(text.trim())
  let [year, month, day] = iso ? iso.slice(1, 4).map(Number) : []
  if (other) {
    const [first, second] = [Number(other[1]), Number(other[3])]
    year = Number(other[4])
    ;[month, day] = other[2] === '/' && first <= 12 ? [first, second] : [second, first]
  }
  if (!year || !month || !day || month > 12 || day > 31) return undefined
  return `${year}${String(month).padStart(2, '0')}${String(day).padStart(2, '0')}`
}

/** Days since 1970 of eight digits. */
export const dayNumber = (day: string): number =>
  Date.UTC(Number(day.slice(0, 4)), Number(day.slice(4, 6)) - 1, Number(day.slice(6))) / 86_400_000
