import { COSTS, type Costs } from './verdict.ts'

/** What people's answers say about where the line between one thing and two should be drawn. Pure. */

/** A pair that was scored and that a person has answered. */
export interface Answered {
  /** Bits, with the shift that counted then taken off. */
  score: number
  same: boolean
}

export interface Suggestion {
  /** Bits to be added to every score. */
  shift: number
  answers: number
  /** Pairs of which the verdict was wrong, by the present shift and by the suggested one. */
  wrongNow: number
  wrongThen: number
  costNow: number
  costThen: number
}

/** Fewer answers say too little. */
export const LEAST_ANSWERS = 20
/** Answers move the line by no more: they come from pairs that were doubtful, and say nothing of all others. */
const MOST_SHIFT = 6

/**
 * The shift at which the answers would have cost least: two things taken for one, and duplicates missed, each at its
 * price. Of equal ones the smallest; without a gain none.
 *
 * @returns undefined when there are too few answers, or only of one kind.
 */
export function suggestShift(answers: readonly Answered[], present: number, costs: Costs = COSTS): Suggestion | undefined {
  const kinds = new Set(answers.map((a) => a.same))
  if (answers.length < LEAST_ANSWERS || kinds.size < 2) return undefined
  const wrong = (shift: number) => answers.filter((a) => a.score + shift >= 0 !== a.same).length
  const cost = (shift: number) =>
    answers.reduce((sum, a) => {
      const one = a.score + shift >= 0
      return sum + (one && !a.same ? costs.wrong : !one && a.same ? costs.missed : 0)
    }, 0)
  // Between two neighbouring scores nothing changes: the middle between them stands for all.
  const sorted = [...new Set(answers.map((a) => a.score))].sort((a, b) => a - b)
  const lines = [present, ...sorted.slice(1).map((s, i) => -(s + sorted[i]!) / 2)].filter((s) => Math.abs(s) <= MOST_SHIFT)
  let best = present
  for (const line of lines.toSorted((a, b) => Math.abs(a) - Math.abs(b))) if (cost(line) < cost(best)) best = line
  return {
    shift: best,
    answers: answers.length,
    wrongNow: wrong(present),
    wrongThen: wrong(best),
    costNow: cost(present),
    costThen: cost(best),
  }
}
