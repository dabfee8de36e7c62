import { same, type Value } from '../../mappings/model/value.ts'
import type { Flip } from '../../mappings/state.ts'

/** Two automations that undo each other's value would have us write for ever. */

/** Of a field's changes so many, the latest, are looked at. */
const LOOKED_AT = 8
/** A value that comes back within this time after it was replaced was set by a machine: nobody argues that fast. */
const MACHINE_MS = 15 * 60_000

/**
 * Whether a change is the second one, among a field's latest, by which a side set back what another side had just
 * changed, to the same value.
 *
 * @param earlier changes of the field, oldest first.
 */
export function oscillates(earlier: readonly Flip[], change: Flip): boolean {
  const all = [...earlier.slice(1 - LOOKED_AT), change]
  const setBack = (i: number) => {
    const [before, now] = [all[i - 1], all[i]!]
    return (
      before !== undefined &&
      before.origin !== now.origin &&
      same(before.from, now.to) &&
      same(before.to, now.from) &&
      now.at - before.at <= MACHINE_MS
    )
  }
  const back = (value: Value) => all.filter((c, i) => same(c.to, value) && setBack(i)).length
  return setBack(all.length - 1) && back(change.to) > 1
}
