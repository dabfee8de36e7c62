/** Salesforce record ids: 15 case-sensitive characters, 18 with a checksum of the case. */

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const CHECKSUM = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345'

/** The id of the n-th record of an object with this three-character key prefix. */
export function makeId(prefix: string, n: number): string {
  let serial = ''
  for (let rest = n; rest > 0; rest = Math.floor(rest / 62)) serial = BASE62[rest % 62] + serial
  return to18(`${prefix}5g0${serial.padStart(9, '0')}`)
}

/** The 18-character form of an id; undefined when the text is no id at all. */
export function normaliseId(text: unknown): string | undefined {
  if (typeof text !== 'string' || !/^[0-9A-Za-z]{15}([0-9A-Za-z]{3})?$/.test(text)) return undefined
  const full = to18(text.slice(0, 15))
  return text.length === 15 || full === text ? full : undefined
}

/** The order of ids: their digits stand in the order of ASCII. */
export const compareIds = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const to18 = (id15: string): string =>
  id15 + CHECKSUM[capitals(id15, 0)] + CHECKSUM[capitals(id15, 5)] + CHECKSUM[capitals(id15, 10)]

/** Which of five characters are capitals, a bit for each. */
function capitals(id15: string, from: number): number {
  let bits = 0
  for (let i = 0; i < 5; i++) {
    const code = id15.charCodeAt(from + i)
    if (code >= 65 && code <= 90) bits |= 1 << i
  }
  return bits
}
