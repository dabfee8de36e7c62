import type { Entity } from '../../mappings/model/model.ts'
import type { Tx } from '../../store/database.ts'
import * as index from '../../store/match-index.ts'
import { kindOfEntity } from '../match/canonical.ts'
import { type Suggestion, suggestShift } from '../match/shift.ts'

/** What people's answers to possible duplicates say about where the line is drawn, and what another line would do. */

export interface Tuning {
  kind: string
  answers: number
  /** Bits that are added to every score of the kind now. */
  shift: number
  suggestion: Suggestion | null
  /** Of the pairs that wait: how many would be taken for one instead of asked about, and the other way round. */
  surer: number
  lessSure: number
}

export async function tuneMatching(tx: Tx): Promise<Tuning[]> {
  const present = await index.shifts(tx)
  const scored = (await index.scoredMatches(tx)).map((m) => ({
    ...m,
    kind: kindOfEntity(m.entity as Entity),
    bare: m.score - m.shift,
  }))
  return [...Map.groupBy(scored, (m) => m.kind)].map(([kind, of]) => {
    const shift = present[kind] ?? 0
    const answered = of.filter((m) => m.state !== 'possible')
    const suggestion = suggestShift(
      answered.map((m) => ({ score: m.bare, same: m.state === 'accepted' })),
      shift,
    )
    const waiting = of.filter((m) => m.state === 'possible')
    const then = suggestion?.shift ?? shift
    return {
      kind,
      answers: answered.length,
      shift,
      suggestion: suggestion ?? null,
      surer: waiting.filter((m) => m.bare + shift < 0 && m.bare + then >= 0).length,
      lessSure: waiting.filter((m) => m.bare + shift >= 0 && m.bare + then < 0).length,
    }
  })
}

/** From now on scores are shifted as suggested. What was listed stays as it is. */
export async function applyTuning(tx: Tx): Promise<Tuning[]> {
  const tunings = await tuneMatching(tx)
  const next = { ...(await index.shifts(tx)) }
  for (const { kind, suggestion } of tunings) if (suggestion) next[kind] = suggestion.shift
  await index.putShifts(tx, next)
  return tunings
}
