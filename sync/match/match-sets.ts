import { type CandidatePair, candidatePairs, MOST_CANDIDATES } from './candidates.ts'
import { Census } from './census.ts'
import { clusters } from './clusters.ts'
import type { Comparison } from './compare/finding.ts'
import type { ScoredPair } from './pairs.ts'
import { weighRivals } from './rivals.ts'
import { compareAll, type Evidence, type Kind, type Model, sumOf, worthOf } from './score.ts'
import { countCorrespondences, countThings, type Subject } from './subject.ts'
import { type Tuned, tune } from './tune.ts'
import { CALIBRATION, WEIGHTS } from './weights.ts'

/** Random pairs from which it is counted what unlike records look like. */
const RANDOM_PAIRS = 10_000
/** At least this sure (bits) before two records count as one thing when values are counted. */
const SURE = 4
/** No more than this share of the smaller source is believed to stand in the other before it is seen. */
const MOST_COVERED = 0.95
/** Records that one record of a set is one thing with, at most on average. */
const MOST_TWINS = 10

export interface Matched {
  pairs: ScoredPair[]
  census: Census
  model: Model
  /** How many true pairs there seem to be. */
  matched: number
}

/**
 * Compares two sources.
 *
 * @param once each source holds a thing once, as a rule: accounts in two CRMs, but not the deals of an account.
 */
export function matchSources(left: readonly Subject[], right: readonly Subject[], kind: Kind, { once = true } = {}): Matched {
  const subjects = sorted([...left, ...right])
  const all = left.length * right.length
  // The account of ten deals is one account.
  const things = once ? subjects.map((s) => [s]) : [...Map.groupBy(subjects, (s) => s.name?.core ?? s.id).values()]
  const census = censusOf(things)
  countCorrespondences(census, subjects)
  const pairs = compared(
    candidatePairs(subjects, (a, b) => a.source !== b.source, MOST_CANDIDATES / 2),
    census,
    kind,
  )
  if (!once) {
    const model = fit(pairs, subjects, census, kind, all, MOST_TWINS / Math.max(left.length, right.length, MOST_TWINS))
    return { pairs: scored(pairs, model, kind), census, model, matched: model.matched }
  }
  const fitted = fit(pairs, subjects, census, kind, all, 1 / Math.max(left.length, right.length, 2))
  const model = { ...fitted, prior: coverPrior(fitted, left.length, right.length) }
  return { pairs: weighRivals(scored(pairs, model, kind)), census, model, matched: fitted.matched }
}

/** Compares the records of one set with each other. */
export function matchWithin(records: readonly Subject[], kind: Kind): Matched {
  const subjects = sorted(records)
  const n = subjects.length
  const all = Math.max(1, (n * (n - 1)) / 2)
  const candidates = candidatePairs(subjects, () => true, MOST_CANDIDATES)
  const first = censusOf(subjects.map((s) => [s]))
  const roughly = compared(candidates, first, kind)
  const rough = scored(roughly, fit(roughly, subjects, first, kind, all, MOST_TWINS / Math.max(n, MOST_TWINS)), kind)
  // Counted once more, now that it is known which records are one thing.
  const byId = new Map(subjects.map((s) => [s.id, s]))
  const things = clusters(
    subjects.map((s) => s.id),
    rough.filter((p) => p.score >= SURE),
  ).map((ids) => ids.map((id) => byId.get(id)!))
  const census = censusOf(things, 1)
  const pairs = compared(candidates, census, kind)
  const model = fit(pairs, subjects, census, kind, all, MOST_TWINS / Math.max(n, MOST_TWINS))
  return { pairs: scored(pairs, model, kind), census, model, matched: model.matched }
}

/** The order in which records arrive is nobody's business. */
const sorted = (subjects: readonly Subject[]): Subject[] => [...subjects].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))

function censusOf(things: readonly (readonly Subject[])[], own = 2): Census {
  const census = new Census(own)
  countThings(census, things)
  return census
}

interface Compared extends CandidatePair {
  evidence: Evidence[]
}

/** The evidence of every candidate, under the weights that are believed before any data is seen. */
const compared = (candidates: readonly CandidatePair[], census: Census, kind: Kind): Compared[] =>
  candidates.map((c) => ({ ...c, evidence: compareAll(c.a, c.b, census, WEIGHTS[kind]) }))

function fit(
  pairs: readonly Compared[],
  subjects: readonly Subject[],
  census: Census,
  kind: Kind,
  all: number,
  most: number,
): Tuned {
  const start = { weights: WEIGHTS[kind], prior: -Math.log2(census.world) }
  return tune(
    start,
    pairs.map((p) => p.evidence),
    randomPairs(subjects),
    census,
    all,
    most,
  )
}

function scored(pairs: readonly Compared[], model: Model, kind: Kind): ScoredPair[] {
  const prior: Evidence = {
    comparison: 'prior',
    level: 'two records at random',
    bits: 0,
    weight: model.prior + CALIBRATION[kind],
  }
  return pairs.map(({ a, b, evidence: found }) => {
    const evidence = [prior, ...found.map((e) => ({ ...e, weight: worthOf(model.weights[e.comparison as Comparison]!, e) }))]
    return { a, b, evidence, score: sumOf(evidence) }
  })
}

/** Pairs that meet by chance: steps of a size that shares no factor with the number of records visit them evenly. */
function randomPairs(subjects: readonly Subject[]): [Subject, Subject][] {
  const n = subjects.length
  if (n < 2) return []
  const stride = [7_919, 7_927, 7_933].find((p) => n % p !== 0)!
  return Array.from({ length: Math.min(RANDOM_PAIRS, n * n) }, (_, i): [Subject, Subject] => {
    const a = (i * stride) % n
    const step = 1 + ((i * 104_729) % (n - 1))
    return [subjects[a]!, subjects[(a + step) % n]!]
  })
}

/**
 * The prior of a pair between two sources. Were records independent, it would be the share of true pairs; but where
 * nearly all of one source is found in the other, a record that has only one possible partner nearly always is its
 * partner. The truth lies between: sources hold some things twice.
 */
function coverPrior({ prior, matched }: Tuned, left: number, right: number): number {
  const m = Math.min(matched, MOST_COVERED * Math.min(left, right))
  const once = Math.log2(m / ((left - m + 1) * (right - m + 1)))
  return (prior + once) / 2
}
