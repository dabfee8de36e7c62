import { blockingKeys } from './keys.ts'
import type { Subject } from './subject.ts'

/** A record's candidates at most, and records under a key beyond which the key tells nothing. */
export const MOST_CANDIDATES = 20
const MOST_HOLDERS = 400

export interface CandidatePair {
  a: Subject
  b: Subject
}

/** The keys that made two records candidates of each other. */
export function sharedKeys(a: Subject, b: Subject): string[] {
  const other = new Set(blockingKeys(b))
  return blockingKeys(a).filter((k) => other.has(k))
}

/**
 * The pairs worth comparing. Every record proposes those that share most with it, keys weighed by how few hold them;
 * a pair counts when either proposes it.
 *
 * @param most how many a record proposes.
 */
export function candidatePairs(
  subjects: readonly Subject[],
  paired: (a: Subject, b: Subject) => boolean,
  most: number,
): CandidatePair[] {
  const keysOf = subjects.map(blockingKeys)
  const holders = new Map<string, number[]>()
  keysOf.forEach((keys, i) => {
    for (const k of keys) {
      const list = holders.get(k)
      if (list) list.push(i)
      else holders.set(k, [i])
    }
  })
  const pairs = new Map<number, CandidatePair>()
  const worth = new Map<number, number>()
  subjects.forEach((s, i) => {
    worth.clear()
    for (const k of keysOf[i]!) {
      const list = holders.get(k)!
      if (list.length < 2 || list.length > MOST_HOLDERS) continue
      const bits = Math.log2(subjects.length / list.length)
      for (const j of list) if (j !== i && paired(s, subjects[j]!)) worth.set(j, (worth.get(j) ?? 0) + bits)
    }
    const best = [...worth].sort((x, y) => y[1] - x[1] || x[0] - y[0]).slice(0, most)
    for (const [j] of best) {
      const [low, high] = i < j ? [i, j] : [j, i]
      const id = low * subjects.length + high
      if (!pairs.has(id)) pairs.set(id, { a: subjects[low]!, b: subjects[high]! })
    }
  })
  return [...pairs.values()]
}
