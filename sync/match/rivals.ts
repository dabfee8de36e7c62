import { probability, type ScoredPair } from './pairs.ts'

/** One record in a hundred of a source stands there twice: that much less likely is a second match, in bits. */
const SECOND_MATCH = Math.log2(100)
/** A rival must be clearly better before it counts, in bits. */
const CLEARLY = 1.5

/**
 * Between two sources that hold each thing once, as a rule, a record that has a clearly better match loses its lesser
 * ones: the branch next door looks like this one, but this one is there too. Equal rivals take nothing from each other.
 */
export function weighRivals(pairs: readonly ScoredPair[]): ScoredPair[] {
  const ofRecord = new Map<string, ScoredPair[]>()
  for (const p of pairs)
    for (const s of [p.a, p.b]) {
      const list = ofRecord.get(s.id)
      if (list) list.push(p)
      else ofRecord.set(s.id, [p])
    }
  return pairs.map((p) => {
    let lost = 0
    for (const s of [p.a, p.b]) {
      let worst = 0
      for (const r of ofRecord.get(s.id)!)
        if (r !== p) worst = Math.max(worst, probability(r.score) * probability(2 * (r.score - p.score - CLEARLY)))
      lost += worst * SECOND_MATCH
    }
    return lost > 0.05
      ? {
          ...p,
          score: p.score - lost,
          evidence: [...p.evidence, { comparison: 'rivals', level: 'better match elsewhere', bits: 0, weight: -lost }],
        }
      : p
  })
}

/** Pairs of which each record is in one at most: the surest first, and then what is still free. */
export function oneToOne(pairs: readonly ScoredPair[], least: number): ScoredPair[] {
  const taken = new Set<string>()
  return [...pairs]
    .filter((p) => p.score >= least)
    .sort((x, y) => y.score - x.score || (x.a.id + x.b.id < y.a.id + y.b.id ? -1 : 1))
    .filter((p) => {
      if (taken.has(p.a.id) || taken.has(p.b.id)) return false
      taken.add(p.a.id).add(p.b.id)
      return true
    })
}
