import type { Census } from './census.ts'
import { compare } from './compare/compare.ts'
import type { Comparison, Finding } from './compare/finding.ts'
import type { Subject } from './subject.ts'

export type Kind = 'company' | 'person' | 'deal' | 'generic'

/**
 * How often a level is found among pairs that are the same thing (`m`) and among those that are not (`u`). Where what
 * is shared can be counted, its own rarity stands for `u`: `share` of its bits, at most `most`, and worth at least `least`.
 */
export type Worth = { m: number; u: number } | { m: number; share: number; most: number; least?: number }
export type Weights = Partial<Record<Comparison, Record<string, Worth>>>

/** What one comparison found, and what that is worth in bits. The weights of a pair sum to its score. */
export interface Evidence {
  comparison: Comparison | 'prior' | 'rivals'
  level: string
  /** Rarity of what is shared. */
  bits: number
  weight: number
}

/** What is believed before two records are compared. */
export interface Model {
  weights: Weights
  /** Bits by which two records taken at random are rather not one thing (negative). */
  prior: number
}

/** Every comparison of the model that both records have something to say to. A missing value is no evidence. */
export function compareAll(a: Subject, b: Subject, census: Census, weights: Weights): Evidence[] {
  const found: Evidence[] = []
  // Words are paired greedily: the same two records are always taken in the same order.
  const [one, other] = isFirst(a, b) ? [a, b] : [b, a]
  for (const f of compare(one, other, census)) {
    const levels = weights[f.comparison]
    if (levels) found.push({ ...f, weight: worthOf(levels, f) })
  }
  return found
}

function isFirst(a: Subject, b: Subject): boolean {
  const [x, y] = [a.name?.whole ?? '', b.name?.whole ?? '']
  return x === y ? a.id <= b.id : x < y
}

/** Log-odds (base 2) of a finding: Fellegi and Sunter 1969, with the frequency of what is shared where it is known. */
export function worthOf(levels: Record<string, Worth>, finding: Finding): number {
  const worth = levels[finding.level]
  if (!worth) throw new Error(`the model has no weight for ${JSON.stringify(finding.level)}`)
  if ('u' in worth) return Math.log2(worth.m / worth.u)
  const weight = Math.log2(worth.m) + Math.max(0, Math.min(worth.share * finding.bits, worth.most))
  return worth.least === undefined ? weight : Math.max(weight, worth.least)
}

export const sumOf = (evidence: readonly Evidence[]): number => evidence.reduce((sum, e) => sum + e.weight, 0)
