import { type CompiledMapping, isAssociationColumn } from '../mappings/compile.ts'
import type { CanonicalRow } from '../mappings/lens.ts'
import { isBlank, type Json, same } from '../mappings/model/value.ts'
import type { Base, ConflictRow, Fields, WriteField, WriteRow } from '../mappings/state.ts'
import type { ApplyContext, Item } from './batch.ts'

/** What a read says about a write of ours that is still open. (Protocol: Settle.) */
export interface Settlement {
  /** Not provable yet: read again after this many milliseconds. */
  wait?: number
  /** The row does not show what we sent, and was changed since: only its history can tell whether ours came in between. */
  doubt?: boolean
  base: Base
  /** The write took effect, as far as it can be told. */
  landed: boolean
  uncertain: Omit<ConflictRow, 'id' | 'recordId'>[]
  /** Fields in which the CRM keeps another value than was sent: field -> [sent, kept]. */
  adjusted: Record<string, [unknown, unknown]>
}

export function settle(write: WriteRow, hub: Fields, { reading, snapshot, mapping }: Item, ctx: ApplyContext): Settlement {
  const out: Settlement = { base: {}, landed: true, uncertain: [], adjusted: {} }
  if (write.state === 'sent') {
    const age = ctx.began - write.sentAt
    // A request may land late: only a read that began after it can no more be in flight proves anything.
    if (age < ctx.flightMs) return { ...out, wait: ctx.flightMs - age }
  } else if (write.answeredAt !== null && ctx.began < write.answeredAt) return { ...out, wait: 0 }
  const ours = snapshot.modifiedBy !== undefined && snapshot.modifiedBy === ctx.rt.account.ourselves
  const readings = Object.entries(write.fields).flatMap(([name, w]) => {
    const r = reading.get(name)
    // Not known to have been sent: the merge sees that it is missing.
    return r && 'value' in r && !(w.later && !same(r.value, w.c)) ? [{ name, w, r, isOurs: same(r.value, w.c) }] : []
  })
  const taken = write.state === 'acknowledged' || write.kind === 'create' || write.verdict === 'landed'
  const asBefore = (r: { raw: Json }, w: WriteField) => same(r.raw, w.b)
  // Had ours come, its stamp would be no older than the read before it; a CRM that answers with the row stamps every change anew.
  const untouched = ctx.rt.connector.answersWithRecord
    ? snapshot.version === write.readVersion
    : snapshot.version < Math.floor(write.readClock / 1_000) * 1_000
  if (
    !taken &&
    !untouched &&
    (write.verdict === null || write.verdict === 'asked') &&
    readings.some(({ name, isOurs }) => !isOurs && !isAssociationColumn(mapping.byName.get(name)!.column))
  )
    return { ...out, doubt: true }
  let landed = taken
  for (const { name, w, r, isOurs } of readings) {
    if (isOurs || (write.state === 'acknowledged' && ours)) {
      landed = true
      out.base[name] = { c: r.value, r: r.raw, n: w.n }
      if (!isOurs) out.adjusted[name] = [w.c, r.value]
    } else if (taken) {
      // Ours was taken, and somebody changed it afterwards: the merge will see that change.
      out.base[name] = { c: w.c, r: w.s, n: w.n }
    } else if (write.verdict === 'unknown' || (write.verdict !== 'not_landed' && !asBefore(r, w))) {
      out.uncertain.push({
        field: name,
        kind: 'uncertain',
        base: null,
        policy: 'unknown outcome',
        rev: 1,
        why: asBefore(r, w)
          ? 'a write of ours got no answer; the CRM holds the old value, and the row was changed since: it may be a person who set it back'
          : 'a write of ours got no answer, and the CRM now holds neither the old value nor ours',
        sides: [
          { side: 'hub', value: w.c, origin: 'hub', at: [write.sentAt, write.sentAt] },
          {
            side: ctx.rt.id,
            value: r.value,
            raw: r.raw,
            origin: ctx.rt.id,
            at: [write.readVersion, snapshot.version],
          },
        ],
      })
    }
  }
  if (write.kind === 'create' && ours) Object.assign(out.base, defaultsOf(write, hub, reading, mapping))
  return { ...out, landed }
}

/** What the CRM filled in by itself in a row that we made, such as an owner: it stays there and does not travel. */
function defaultsOf(write: WriteRow, hub: Fields, reading: CanonicalRow, mapping: CompiledMapping): Base {
  const out: Base = {}
  for (const field of mapping.fields) {
    const r = reading.get(field.name)
    if (!field.writes || field.name in write.fields || !isBlank(hub[field.name]?.v) || !r || !('value' in r)) continue
    if (!isBlank(r.value)) out[field.name] = { c: r.value, r: r.raw, n: hub[field.name]?.n ?? 0 }
  }
  return out
}
