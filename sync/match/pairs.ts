import type { Evidence } from './score.ts'
import type { Subject } from './subject.ts'

/** A pair that was compared. Above 0 the two rather are one thing: the probability is 1 / (1 + 2^-score). */
export interface ScoredPair {
  a: Subject
  b: Subject
  /** Bits: the prior, the evidence's weights, and what rivals take away. */
  score: number
  evidence: Evidence[]
}

export const probability = (score: number): number => 1 / (1 + 2 ** -score)
