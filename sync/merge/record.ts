import type { CompiledField, CompiledMapping } from '../../mappings/compile.ts'
import type { CanonicalRow } from '../../mappings/lens.ts'
import type { Policy } from '../../mappings/mapping.ts'
import { type Json, same, type Value } from '../../mappings/model/value.ts'
import type { Base, BaseEntry, ConflictRow, FieldState, Fields, Flip, Interval, Side } from '../../mappings/state.ts'
import { mergeField } from './field.ts'
import { oscillates } from './oscillation.ts'

/** Everything one read of one external record changes, as data. Nothing is written here. */
export interface RecordMerge {
  /** Fields of the record that take a new value. */
  fields: Fields
  /** Base entries of the link that move. */
  base: Base
  opened: Omit<ConflictRow, 'id' | 'recordId'>[]
  /** Open conflicts whose side of this link changed. */
  observed: ConflictRow[]
  /** Open conflicts in which all sides agree now. */
  settled: string[]
  /** Values that a policy decided against: journalled, counted, shown. */
  overruled: { field: string; lost: Value; kept: Value }[]
  /** Fields whose CRM value has no canonical value. */
  problems: { field: string; message: string }[]
  /** External ids that references wait for. */
  waitsFor: string[]
}

export interface RecordMergeInput {
  mapping: CompiledMapping
  hub: Fields
  base: Base
  reading: CanonicalRow
  /** Open conflicts of the record, by field. */
  conflicts: ReadonlyMap<string, ConflictRow>
  /** The connection that was read. */
  origin: string
  at: Interval
  firstLink: Policy
  namesOf: (origin: string) => readonly string[]
  /** Recent changes of fields, oldest first; none of a field that was changed seldom. */
  recent?: ReadonlyMap<string, readonly Flip[]>
  /** Now, in milliseconds. */
  now: number
}

export function mergeRecord(input: RecordMergeInput): RecordMerge {
  const out: RecordMerge = {
    fields: {},
    base: {},
    opened: [],
    observed: [],
    settled: [],
    overruled: [],
    problems: [],
    waitsFor: [],
  }
  for (const field of input.mapping.fields) {
    const reading = input.reading.get(field.name)
    // Absent: could not be read. Neither a blank nor a change.
    if (!reading) continue
    if ('problem' in reading) {
      out.problems.push({ field: field.name, message: reading.problem })
      continue
    }
    if ('waitsFor' in reading) {
      out.waitsFor.push(reading.waitsFor)
      continue
    }
    const hub = input.hub[field.name]
    const base = input.base[field.name]
    const remote = { value: reading.value, raw: reading.raw, at: input.at }
    const conflict = input.conflicts.get(field.name)
    if (conflict) {
      observe(out, conflict, input.origin, remote, hub, base)
      continue
    }
    const inOnly = !field.writes
    const result = mergeField({
      hub,
      base,
      remote,
      origin: input.origin,
      policy: field.mapping.policy,
      firstLink: input.firstLink,
      namesOf: input.namesOf,
    })
    switch (result.kind) {
      case 'unchanged':
        break
      case 'rebase':
        out.base[field.name] = result.base
        if (result.overruled !== undefined && !inOnly)
          out.overruled.push({ field: field.name, lost: result.overruled, kept: hub?.v ?? null })
        break
      case 'accept': {
        const change: Flip = { origin: input.origin, from: hub?.v ?? null, to: result.field.v, at: input.now }
        const earlier = input.recent?.get(field.name) ?? []
        if (oscillates(earlier, change)) {
          out.opened.push({
            ...contested(input, field, hub, remote),
            kind: 'oscillation',
            base: base?.c,
            why: 'two sides set it back and forth: an automation in each of them, perhaps',
            history: [...earlier, change],
          })
          break
        }
        out.base[field.name] = result.base
        out.fields[field.name] = result.field
        if (result.overruled !== undefined)
          out.overruled.push({ field: field.name, lost: result.overruled, kept: result.field.v })
        break
      }
      case 'conflict':
        out.opened.push({ ...contested(input, field, hub, remote), kind: 'edit', base: base?.c, why: result.why })
    }
  }
  return out
}

/** What a conflict between the record and the row that was read says in any case. */
const contested = (
  { origin }: RecordMergeInput,
  field: CompiledField,
  hub: FieldState | undefined,
  remote: { value: Value; raw: Json; at: Interval },
) => ({
  field: field.name,
  policy: policyName(field.mapping.policy),
  rev: 1,
  sides: [
    { side: 'hub', value: hub?.v ?? null, origin: hub?.o ?? '', at: hub?.t ?? ([0, 0] as Interval) },
    { side: origin, value: remote.value, raw: remote.raw, origin, at: remote.at },
  ],
})

/** A frozen field is neither sent nor merged, but each side is followed; equal sides settle it. */
function observe(
  out: RecordMerge,
  conflict: ConflictRow,
  origin: string,
  remote: { value: Value; raw: Side['raw']; at: Interval },
  hub: FieldState | undefined,
  base: BaseEntry | undefined,
): void {
  const others = conflict.sides.filter((s) => s.side !== origin)
  const own = conflict.sides.find((s) => s.side === origin)
  // The record's value came from a row that has another one now: it is no side of its own any more.
  const left = hub?.o === origin || others.some((s) => s.side === hub?.o)
  // Taken back everywhere: what the CRMs hold counts, not what the record still says.
  const follows = (left || conflict.kind === 'undone') && others.some((s) => s.side !== 'hub')
  const rest = follows ? others.filter((s) => s.side !== 'hub') : others
  const allEqual = rest.every((s) => same(s.value, remote.value)) && (follows || same(hub?.v ?? null, remote.value))
  // An unknown outcome is not settled by values that happen to be equal.
  if (allEqual && conflict.kind !== 'uncertain') {
    out.settled.push(conflict.id)
    const state = same(hub?.v ?? null, remote.value) ? hub : { v: remote.value, n: (hub?.n ?? 0) + 1, o: origin, t: remote.at }
    if (state && state !== hub) out.fields[conflict.field] = state
    out.base[conflict.field] = { c: remote.value, r: remote.raw ?? null, n: state?.n ?? 0 }
    return
  }
  // A link without a side of its own still holds what was agreed.
  if (same(own ? own.raw : base?.r, remote.raw)) return
  const side: Side = { side: origin, value: remote.value, raw: remote.raw ?? null, origin, at: remote.at }
  out.observed.push({ ...conflict, sides: [...others, side], rev: conflict.rev + 1 })
}

export const policyName = (policy: Policy): string => (typeof policy === 'string' ? policy : `source: ${policy.source}`)
