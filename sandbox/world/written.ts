/** Numbers and dates as people's spreadsheets and reports write them, made into what the CRMs' APIs take. */

/**
 * A number with or without a currency, with the separators of whatever country; undefined when it is none.
 *
 * A single separator before three digits groups thousands: nobody keeps amounts to a thousandth.
 */
export function numberOf(text: string): string | undefined {
  const bare = text.replace(/^[A-Z]{3}\s|\s[A-Z]{3}$/g, '').replace(/[\s\u00a0\u202f'’]|\p{Sc}/gu, '')
  const percent = bare.replace(/%$/, '')
  if (!/^-?\d[\d.,]*$/.test(percent)) return undefined
  const separators = [...percent.matchAll(/[.,]/g)]
  const last = separators.at(-1)
  if (!last) return percent
  const after = percent.length - last.index - 1
  const kinds = new Set(separators.map((s) => s[0]))
  const grouped = kinds.size === 1 && (separators.length > 1 || after === 3)
  if (grouped) return percent.replace(/[.,]/g, '')
  return `${percent.slice(0, last.index).replace(/[.,]/g, '')}.${percent.slice(last.index + 1)}`
}

/** A day: its ISO form, and whether day and month could as well be the other way round. */
export function dateOf(text: string): { iso: string; ambiguous: boolean } | undefined {
  const found = /^(\d{1,2})([/.-])(\d{1,2})\2(\d{4})(?:[ T,].*)?$/.exec(text.trim())
  if (!found) return undefined
  const [first, second] = [Number(found[1]), Number(found[3])]
  // Dots are the continent's; slashes are read as in the United States unless that is no month.
  const dayFirst = found[2] === '.' || first > 12
  const [month, day] = dayFirst ? [second, first] : [first, second]
  const iso = `${found[4]}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`
  return { iso, ambiguous: found[2] !== '.' && first <= 12 && second <= 12 && first !== second }
}
