import type { ScoredPair } from './pairs.ts'
import { judge } from './verdict.ts'

/** What a pair counts for that was never compared because it shares no key. */
const NEVER_COMPARED = -1
/** One pair counts at most this much for or against joining two groups. */
const MOST = 6

/**
 * Groups of records that are one thing. Only duplicates join, never what is for review, the surest first; and two
 * groups join only while all of one speak for all of the other on the whole, so that one record in between does not
 * chain two things together. What people have said stands above every score. The result does not depend on the order
 * of the records.
 *
 * @param apart pairs that a person has called different (pairKey).
 */
export function clusters(
  ids: readonly string[],
  pairs: readonly ScoredPair[],
  apart: ReadonlySet<string> = new Set(),
): string[][] {
  const groupOf = new Map<string, string[]>(ids.map((id) => [id, [id]]))
  const scores = new Map(pairs.map((p) => [pairKey(p.a.id, p.b.id), p.score]))
  const sure = pairs
    .filter((p) => judge(p).verdict === 'duplicate')
    .sort((x, y) => y.score - x.score || (pairKey(x.a.id, x.b.id) < pairKey(y.a.id, y.b.id) ? -1 : 1))
  for (const { a, b } of sure) {
    const [one, other] = [groupOf.get(a.id)!, groupOf.get(b.id)!]
    if (one === other || !speakForEachOther(one, other, scores, apart)) continue
    for (const id of other) {
      one.push(id)
      groupOf.set(id, one)
    }
  }
  return [...new Set(groupOf.values())].map((c) => c.sort()).sort((x, y) => (x[0]! < y[0]! ? -1 : 1))
}

function speakForEachOther(
  one: readonly string[],
  other: readonly string[],
  scores: ReadonlyMap<string, number>,
  apart: ReadonlySet<string>,
): boolean {
  let sum = 0
  for (const x of one)
    for (const y of other) {
      const key = pairKey(x, y)
      if (apart.has(key)) return false
      sum += Math.max(-MOST, Math.min(MOST, scores.get(key) ?? NEVER_COMPARED))
    }
  return sum >= 0
}

/** One name for a pair, whichever of the two comes first. */
export const pairKey = (a: string, b: string): string => (a < b ? `${a} ${b}` : `${b} ${a}`)
