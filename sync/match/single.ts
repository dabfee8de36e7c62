import { Census } from './census.ts'
import type { ScoredPair } from './pairs.ts'
import { compareAll, type Evidence, type Kind, sumOf } from './score.ts'
import type { Subject } from './subject.ts'
import { CALIBRATION, WEIGHTS } from './weights.ts'

/** Pairs that are scored one at a time, by the starting weights. */

const NOTHING_SEEN = new Census()

/**
 * Pairs that stand alone, without the records around them: nothing is known of how common their words are, and that
 * somebody has put them together is all that speaks for or against them before they are looked at.
 */
export const scoreAlone = (a: Subject, b: Subject, kind: Kind): ScoredPair =>
  scored(a, b, kind, NOTHING_SEEN, {
    comparison: 'prior',
    level: 'a pair that somebody chose',
    bits: 0,
    weight: CALIBRATION[kind],
  })

/**
 * A record and one of its candidates, among the records that the census has counted.
 *
 * @param shift bits that people's answers have added to every score of the kind.
 */
export const scoreAmong = (a: Subject, b: Subject, kind: Kind, census: Census, shift = 0): ScoredPair =>
  scored(a, b, kind, census, {
    comparison: 'prior',
    level: 'two records at random',
    bits: 0,
    weight: CALIBRATION[kind] - Math.log2(census.world) + shift,
  })

function scored(a: Subject, b: Subject, kind: Kind, census: Census, prior: Evidence): ScoredPair {
  const evidence = [prior, ...compareAll(a, b, census, WEIGHTS[kind])]
  return { a, b, evidence, score: sumOf(evidence) }
}
