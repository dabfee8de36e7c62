/** Similarities of two short words, 0 to 1. Pure and symmetric. */

/**
 * Jaro-Winkler: letters in common that are not far apart, swapped ones counted half, an equal beginning rewarded.
 * Winkler 1990: prefix of at most 4, weight 0.1.
 */
export function jaroWinkler(a: string, b: string): number {
  if (a === b) return 1
  const reach = Math.max(0, Math.floor(Math.max(a.length, b.length) / 2) - 1)
  const taken = new Uint8Array(b.length)
  const common: number[] = []
  for (let i = 0; i < a.length; i++) {
    const end = Math.min(b.length, i + reach + 1)
    for (let j = Math.max(0, i - reach); j < end; j++) {
      if (taken[j] || a.charCodeAt(i) !== b.charCodeAt(j)) continue
      taken[j] = 1
      common.push(a.charCodeAt(i))
      break
    }
  }
  const m = common.length
  if (m === 0) return 0
  let swapped = 0
  for (let j = 0, k = 0; j < b.length; j++) if (taken[j] && b.charCodeAt(j) !== common[k++]) swapped++
  const jaro = (m / a.length + m / b.length + (m - swapped / 2) / m) / 3
  let prefix = 0
  while (prefix < 4 && prefix < a.length && a[prefix] === b[prefix]) prefix++
  return jaro + prefix * 0.1 * (1 - jaro)
}

/**
 * Edits between two words: insert, delete, replace, or swap two neighbours (optimal string alignment).
 * More than `most` is answered as `most + 1`.
 */
export function edits(a: string, b: string, most: number): number {
  if (a === b) return 0
  if (Math.abs(a.length - b.length) > most) return most + 1
  let before = new Uint16Array(b.length + 1)
  let last = Uint16Array.from({ length: b.length + 1 }, (_, j) => j)
  let row = new Uint16Array(b.length + 1)
  for (let i = 1; i <= a.length; i++) {
    row[0] = i
    let least = i
    for (let j = 1; j <= b.length; j++) {
      const same = a.charCodeAt(i - 1) === b.charCodeAt(j - 1) ? 0 : 1
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1)
      row[j] = cost
      if (cost < least) least = cost
    }
    if (least > most) return most + 1
    ;[before, last, row] = [last, row, before]
  }
  return Math.min(last[b.length]!, most + 1)
}

/**
 * How surely two different words are one word mistyped: 1 equal, 0.97 equal when spelt as spoken, about 0.9 for one
 * edit in a long word, 0 for what no typing error explains. Numbers are never nearly equal: "7" is not "8".
 */
export function wordLikeness(a: string, b: string, skeletonA: string, skeletonB: string): number {
  if (a === b) return 1
  if (skeletonA === skeletonB) return 0.97
  const longest = Math.max(a.length, b.length)
  const shortest = Math.min(a.length, b.length)
  if (shortest < 4 || /\d/.test(a) || /\d/.test(b)) return 0
  const allowed = longest >= 9 ? 2 : 1
  // As spoken a word is shorter, and edits leave less of it.
  const spoken = Math.min(skeletonA.length, skeletonB.length)
  const allowedSpoken = Math.min(allowed, spoken >= 7 ? 2 : spoken >= 5 ? 1 : 0)
  const heard = edits(skeletonA, skeletonB, allowedSpoken)
  const n = Math.min(edits(a, b, allowed), heard <= allowedSpoken ? heard : allowed + 1)
  // The first letter is rarely mistyped, and not together with another one: "bakeries" is no "tanneries".
  if (n > allowed || (n > 1 && a[0] !== b[0])) return 0
  const first = a[0] === b[0] ? 0 : 0.06
  return 1 - (n * 0.55) / longest - first
}
