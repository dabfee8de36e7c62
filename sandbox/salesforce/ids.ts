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

function to18(id15: string): string {
  let suffix = ''
  for (let chunk = 0; chunk < 3; chunk++) {
    let bits = 0
    for (let i = 0; i < 5; i++) {
      const c = id15[chunk * 5 + i]!
      if (c >= 'A' && c <= 'Z') bits |= 1 << i
    }
    suffix += CHECKSUM[bits]
  }
  return id15 + suffix
}
