import { Census } from './census.ts'
import type { ScoredPair } from './pairs.ts'
import { compareAll, type Evidence, type Kind, sumOf } from './score.ts'
import type { Subject } from './subject.ts'
import { CALIBRATION, WEIGHTS } from './weights.ts'

const NOTHING_SEEN = new Census()

/**
 * Pairs that stand alone, without the records around them: nothing is known of how common their words are, and that
 * somebody has put them together is all that speaks for or against them before they are looked at.
 */
export function scoreAlone(a: Subject, b: Subject, kind: Kind): ScoredPair {
  const prior: Evidence = { comparison: 'prior', level: 'a pair that somebody chose', bits: 0, weight: CALIBRATION[kind] }
  const evidence = [prior, ...compareAll(a, b, NOTHING_SEEN, WEIGHTS[kind])]
  return { a, b, evidence, score: sumOf(evidence) }
}
