import { pairKey } from './clusters.ts'
import type { ScoredPair } from './pairs.ts'
import { oneToOne } from './rivals.ts'

/** How well pairs that were called one thing meet the pairs that are. */
export interface Quality {
  precision: number
  recall: number
  f1: number
}

export function quality(found: Iterable<string>, truth: ReadonlySet<string>): Quality {
  let right = 0
  let all = 0
  for (const key of found) {
    all++
    if (truth.has(key)) right++
  }
  return qualityOf(right, all, truth.size)
}

export function qualityOf(right: number, found: number, truth: number): Quality {
  const precision = found ? right / found : truth ? 0 : 1
  const recall = truth ? right / truth : 1
  return { precision, recall, f1: precision + recall ? (2 * precision * recall) / (precision + recall) : 0 }
}

/** The largest share of the true pairs that a threshold finds while 99 of 100 of what it finds is true. */
export function recallAtPrecision(pairs: readonly ScoredPair[], truth: ReadonlySet<string>, least = 0.99): number {
  if (truth.size === 0) return 1
  let right = 0
  let best = 0
  ;[...pairs]
    .sort((a, b) => b.score - a.score)
    .forEach((p, i) => {
      if (truth.has(keyOf(p))) right++
      if (right / (i + 1) >= least) best = right / truth.size
    })
  return best
}

/** One-to-one quality: each record in one pair at most. Nearly covered sources are believed to be covered. */
export function oneToOneQuality(pairs: readonly ScoredPair[], truth: ReadonlySet<string>, smaller: number): Quality {
  let chosen = oneToOne(pairs, 0)
  // What is left over on both sides has become likelier with every record that found its partner.
  for (let round = 0; round < 5; round++) {
    const covered = Math.min(chosen.length / smaller, MOST_COVERED)
    chosen = oneToOne(pairs, -Math.max(0, Math.log2(covered / (1 - covered)) - HALF_COVERED))
  }
  return quality(chosen.map(keyOf), truth)
}
const MOST_COVERED = 0.995
/** Coverage of 5 in 6 is what scores already reckon with. */
const HALF_COVERED = Math.log2(5)

export const keyOf = (p: ScoredPair): string => pairKey(p.a.id, p.b.id)
