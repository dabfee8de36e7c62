import type { Census } from './census.ts'
import type { Comparison } from './compare/finding.ts'
import { compareAll, type Evidence, type Model, type Weights, worthOf } from './score.ts'
import type { Subject } from './subject.ts'

/** Pairs of experience that the starting weights stand for. */
const TRUST = 60
/**
 * A level's share among true pairs moves by this factor at most. Learning sees agreeing pairs only, and would learn
 * that true pairs always agree, or that a shared address outweighs a different name.
 */
const FACTOR = 3
const ROUNDS = 25
/** However few records there are, not every pair is taken for true. */
const MOST_TRUE = 0.2

export interface Tuned extends Model {
  /** How many true pairs there seem to be. */
  matched: number
}

/**
 * Fits a model to a workspace's own records, without labels (expectation and maximisation, as in Winkler 1988): how
 * often true pairs agree, err or differ in each respect, and how many there are. What other pairs look like is counted
 * on random pairs. The starting weights count as experience, so that few data change little.
 *
 * @param candidates the evidence of all candidate pairs.
 * @param random pairs of records that were drawn, not found.
 * @param all how many pairs there are altogether; those that are no candidates count as different.
 * @param most the largest share of `all` that can be true.
 */
export function tune(
  start: Model,
  candidates: readonly Evidence[][],
  random: readonly (readonly [Subject, Subject])[],
  census: Census,
  all: number,
  most: number,
): Tuned {
  const weights = structuredClone(start.weights)
  countRandom(weights, start.weights, random, census)
  let prior = start.prior
  let matched = 0
  for (let round = 0; round < ROUNDS; round++) {
    const seen = new Map<string, number>()
    matched = 0
    for (const evidence of candidates) {
      let score = prior
      for (const e of evidence) score += worthOf(weights[e.comparison as Comparison]!, e)
      const p = 1 / (1 + 2 ** -score)
      matched += p
      if (p < 1e-4) continue
      for (const e of evidence) {
        const key = `${e.comparison} ${e.level}`
        seen.set(key, (seen.get(key) ?? 0) + p)
      }
    }
    relearn(weights, start.weights, seen)
    const share = Math.min(Math.max(matched, 1) / all, most, MOST_TRUE)
    prior = Math.log2(share / (1 - share))
  }
  return { weights, prior, matched }
}

function relearn(weights: Weights, start: Weights, seen: ReadonlyMap<string, number>): void {
  for (const [comparison, levels] of Object.entries(weights)) {
    const known = start[comparison as Comparison]!
    const count = (level: string) => seen.get(`${comparison} ${level}`) ?? 0
    const total = Object.keys(levels).reduce((sum, level) => sum + count(level), 0)
    for (const [level, worth] of Object.entries(levels)) {
      const before = known[level]!.m
      const now = (before * TRUST + count(level)) / (TRUST + total)
      worth.m = Math.min(Math.max(now, before / FACTOR), before * FACTOR, 0.999)
    }
  }
}

function countRandom(weights: Weights, start: Weights, random: readonly (readonly [Subject, Subject])[], census: Census): void {
  const counts = new Map<string, number>()
  const count = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1)
  for (const [a, b] of random)
    for (const { comparison, level } of compareAll(a, b, census, start)) {
      count(comparison)
      count(`${comparison} ${level}`)
    }
  for (const [comparison, levels] of Object.entries(weights))
    for (const [level, worth] of Object.entries(levels)) {
      const known = start[comparison as Comparison]![level]!
      if ('u' in worth && 'u' in known)
        worth.u = (known.u * TRUST + (counts.get(`${comparison} ${level}`) ?? 0)) / (TRUST + (counts.get(comparison) ?? 0))
    }
}
