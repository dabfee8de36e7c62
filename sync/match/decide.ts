/**
 * Decides which unlinked external rows are which records. Pure: candidate pairs in, one decision per row out.
 *
 * A pair is linked when, among everything that shares a key, each is the other's only best partner. Pairs are
 * compared by their strongest shared rule, then by how many rules they share. Whatever stays ambiguous is a
 * person's: it is listed, never guessed.
 */
export interface Pair {
  /** External id of the unlinked row. */
  row: string
  record: string
  /** Ranks of the identity rules under which the two have equal keys, strongest (lowest) first. */
  ranks: readonly number[]
  /** The record already has a row of this connection. */
  taken: boolean
}

/** The rank of a pair that another sync has linked: no rule of the mapping is stronger. */
export const LINKED_ELSEWHERE = -1

export type Decision =
  | { link: string }
  /** A person has said that it is the record, which has a row here already. */
  | { second: string }
  | { review: string[]; reason: string }
  | { fresh: true }

export function decide(rows: readonly string[], pairs: readonly Pair[]): Map<string, Decision> {
  const byRow = Map.groupBy(pairs, (p) => p.row)
  const byRecord = Map.groupBy(
    pairs.filter((p) => !p.taken),
    (p) => p.record,
  )
  const decisions = new Map<string, Decision>()
  for (const row of rows) {
    const all = byRow.get(row) ?? []
    const free = all.filter((p) => !p.taken)
    if (all.length === 0) decisions.set(row, { fresh: true })
    else if (free.length === 0)
      decisions.set(row, {
        review: all.map((p) => p.record),
        reason: 'the record it matches already has another row here: a duplicate',
      })
    else {
      const best = onlyBest(free)
      if (!best)
        decisions.set(row, {
          review: free.map((p) => p.record),
          reason: `it matches ${free.length} records equally well`,
        })
      else if (onlyBest(byRecord.get(best.record)!)?.row === row) decisions.set(row, { link: best.record })
      else decisions.set(row, { review: [best.record], reason: 'several rows here match the same record' })
    }
  }
  return decisions
}

/** The pair that is strictly stronger than every other one; undefined when two are equally strong. */
function onlyBest(pairs: readonly Pair[]): Pair | undefined {
  const sorted = [...pairs].sort(strength)
  const [first, second] = sorted
  return first && (!second || strength(first, second) < 0) ? first : undefined
}

/** What another sync has linked first; then more shared rules; of equally many, the stronger ones. */
function strength(a: Pair, b: Pair): number {
  const elsewhere = (p: Pair) => Number(p.ranks[0] === LINKED_ELSEWHERE)
  if (elsewhere(a) !== elsewhere(b)) return elsewhere(b) - elsewhere(a)
  if (a.ranks.length !== b.ranks.length) return b.ranks.length - a.ranks.length
  for (let i = 0; i < a.ranks.length; i++) if (a.ranks[i] !== b.ranks[i]) return a.ranks[i]! - b.ranks[i]!
  return 0
}
