import type { Policy } from '../../mappings/mapping.ts'
import { isBlank, type Json, same, type Value } from '../../mappings/model/value.ts'
import type { BaseEntry, FieldState, Interval } from '../../mappings/state.ts'
import { judge } from './policy.ts'

/**
 * The three-way merge of one field of one link: what the CRM holds now, what the record holds now, and what
 * the two last agreed on.
 *
 * Its law: a change on one side only is taken; equal changes settle; different changes are judged by the
 * policy or become a conflict. Nothing is taken for a change that is not one: "changed" on the remote side
 * means its raw value differs from the base's raw value, on the hub's side that the field's version does.
 */
export interface MergeInput {
  hub: FieldState | undefined
  base: BaseEntry | undefined
  remote: { value: Value; raw: Json; at: Interval }
  /** The connection the remote value comes from. */
  origin: string
  policy: Policy
  /** What decides at first link, when both hold a value already. */
  firstLink: Policy
  namesOf: (origin: string) => readonly string[]
}

export type MergeResult =
  | { kind: 'unchanged' }
  /** Only the base moves: equal values, another spelling, or a policy that keeps the hub's value. */
  | { kind: 'rebase'; base: BaseEntry; overruled?: Value }
  /** The hub takes a new value. `overruled` is what it held before, where a policy decided against it. */
  | { kind: 'accept'; field: FieldState; base: BaseEntry; overruled?: Value }
  | { kind: 'conflict'; why: string }

export function mergeField(input: MergeInput): MergeResult {
  const { base, remote } = input
  const hub: FieldState = input.hub ?? { v: null, n: 0, o: '', t: [0, 0] }
  if (!base) return firstLink(input, hub)
  const remoteChanged = !same(remote.raw, base.r)
  const hubChanged = hub.n !== base.n
  if (!remoteChanged) {
    // The hub may have returned to the agreed value: then there is nothing to send.
    if (hubChanged && same(hub.v, base.c)) return { kind: 'rebase', base: { ...base, n: hub.n } }
    // What the CRM holds has come to mean the hub's value: what it points at has become another record.
    if (hubChanged && same(hub.v, remote.value)) return { kind: 'rebase', base: agreed(remote, hub.n) }
    return { kind: 'unchanged' }
  }
  if (same(remote.value, hub.v)) return { kind: 'rebase', base: agreed(remote, hub.n) }
  // Another spelling, or a finer value, of what was agreed: no change of the canonical value.
  if (!hubChanged && same(remote.value, base.c)) return { kind: 'rebase', base: { ...base, r: remote.raw } }
  if (!hubChanged) return accept(input, hub)
  return contested(input, hub, input.policy, base.n)
}

/** No base yet: the two records have just been found to be the same thing. */
function firstLink(input: MergeInput, hub: FieldState): MergeResult {
  const { remote } = input
  if (same(remote.value, hub.v)) return { kind: 'rebase', base: agreed(remote, hub.n) }
  // The blank side takes the other's value. Version 0 is never current, so the hub's value goes out.
  if (isBlank(remote.value)) return { kind: 'rebase', base: agreed(remote, 0) }
  if (isBlank(hub.v)) return accept(input, hub)
  return contested(input, hub, input.policy === 'manual' ? input.firstLink : input.policy, 0)
}

/** Both sides changed, to different values. */
function contested(input: MergeInput, hub: FieldState, policy: Policy, staleVersion: number): MergeResult {
  const { remote } = input
  const verdict = judge(policy, {
    hub: { value: hub.v, origin: hub.o, at: hub.t },
    remote: { value: remote.value, origin: input.origin, at: remote.at },
    namesOf: input.namesOf,
  })
  if ('undecided' in verdict) return { kind: 'conflict', why: verdict.undecided }
  // The base of the side that was seen moves in any case, or the conflict would return for ever.
  if (verdict.winner === 'hub') return { kind: 'rebase', base: agreed(remote, staleVersion), overruled: remote.value }
  if (verdict.winner === 'remote') return { ...accept(input, hub), overruled: hub.v }
  const field: FieldState = { v: verdict.value, n: hub.n + 1, o: input.origin, t: remote.at }
  return {
    kind: 'accept',
    field,
    base: agreed(remote, same(verdict.value, remote.value) ? field.n : staleVersion),
  }
}

function accept({ remote, origin }: MergeInput, hub: FieldState): MergeResult & { kind: 'accept' } {
  const field: FieldState = { v: remote.value, n: hub.n + 1, o: origin, t: remote.at }
  return { kind: 'accept', field, base: agreed(remote, field.n) }
}

const agreed = (remote: { value: Value; raw: Json }, n: number): BaseEntry => ({
  c: remote.value,
  r: remote.raw,
  n,
})

/** Whether the hub's value must be sent: it is newer than what was agreed, and not equal to it. */
export function mustSend(hub: FieldState | undefined, base: BaseEntry | undefined): boolean {
  if (!hub) return false
  if (!base) return hub.n > 0
  return hub.n !== base.n && !same(hub.v, base.c)
}

/** Whether sending the hub's value would replace another one. */
export const isOverwrite = (hub: FieldState | undefined, base: BaseEntry | undefined): boolean =>
  mustSend(hub, base) && !isBlank(hub?.v) && !isBlank(base?.c)

/** Whether sending the hub's value would blank what was agreed. */
export const isClear = (hub: FieldState | undefined, base: BaseEntry | undefined): boolean =>
  mustSend(hub, base) && isBlank(hub?.v) && !isBlank(base?.c)
