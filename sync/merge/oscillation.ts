import { same, type Value } from '../../mappings/model/value.ts'

/** One change of a field, oldest first. */
export interface Flip {
  value: Value
  origin: string
  /** Set by a machine: a workflow or flow, not a person. */
  machine: boolean
}

/** How many of the last changes are looked at. */
export const OSCILLATION_WINDOW = 8

/**
 * Whether a field keeps flipping between the same values: a value that machines set twice among the last
 * eight changes. Two flows that each "correct" the other would go on for ever.
 */
export function oscillates(changes: readonly Flip[]): boolean {
  const recent = changes.slice(-OSCILLATION_WINDOW).filter((c) => c.machine)
  return recent.some((c, i) => recent.findIndex((d) => same(c.value, d.value)) < i)
}
