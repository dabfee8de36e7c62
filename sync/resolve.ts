import { chunks, type Snapshot } from '../connectors/connector.ts'
import type { Policy } from '../mappings/mapping.ts'
import type { Entity } from '../mappings/model/model.ts'
import { same, type Value } from '../mappings/model/value.ts'
import type { Base, ConflictRow, FieldState, LinkRow, RecordRow, Side } from '../mappings/state.ts'
import * as conflicts from '../store/conflicts.ts'
import type { Tx } from '../store/database.ts'
import * as lanes from '../store/lanes.ts'
import * as links from '../store/links.ts'
import * as queues from '../store/queues.ts'
import * as records from '../store/records.ts'
import { applySnapshots } from './apply.ts'
import { type ApplyContext, drawContext } from './batch.ts'
import { EditRefused } from './edit.ts'
import { type Engine, inTransaction } from './engine.ts'
import { judge } from './merge/policy.ts'
import { withAssociations } from './pull/work.ts'
import { activate, mappingField, refreshMappings, withPolicy } from './remap.ts'
import { columnsOf, mappingOf, namesOf, type Runtime } from './runtime.ts'
import { overwrittenSide } from './watch/overwritten.ts'

/** What settles a conflict: one of its sides (`record`, or a connection's name), a value, or a policy. */
export type Choice = { keep: string } | { value: Value } | { judge: Policy }

/** An answer to a conflict as it was when the person saw it. */
export interface Ask {
  id: string
  rev: number
  choice: Choice
}

export type Answer =
  | { id: string; ok: true; recordId: string; field: string; value: Value }
  | { id: string; ok: false; error: EditRefused }

/** The name of the record's own side. */
const RECORD_SIDE = 'record'

/** Conflicts whose sides are read and settled together. */
const PIECE = 200

/**
 * Settles conflicts as a person, or a new policy, says. Every side is read again first: where one has changed since
 * the conflict was shown, or a write to it is under way, the answer is refused with the present values, and nothing
 * is changed. (Protocol: Resolve.)
 *
 * @param by who says so: `person`, or `policy`.
 * @returns one answer per conflict, in order.
 */
export async function resolveConflicts(engine: Engine, asks: readonly Ask[], by = 'person'): Promise<Answer[]> {
  const answers: Answer[] = []
  for (const piece of chunks(asks, PIECE)) {
    const reads = await readSides(engine, piece)
    answers.push(
      ...(await inTransaction(engine, async (tx) => {
        const busy = new Set<string>()
        for (const { ctx, object, snapshots } of reads) {
          const { putBack } = await applySnapshots(tx, ctx, object, snapshots)
          for (const id of putBack) busy.add(`${ctx.rt.id} ${object} ${id}`)
        }
        return settle(tx, engine, piece, busy, by)
      })),
    )
  }
  if (answers.some((a) => a.ok))
    for (const rt of engine.runtimes) for (const direction of ['push', 'pull'] as const) engine.nudge(rt.id, direction)
  return answers
}

interface Reads {
  ctx: ApplyContext
  object: string
  snapshots: Snapshot[]
}

/** Reads every row of the records that these conflicts are about. */
async function readSides(engine: Engine, asks: readonly Ask[]): Promise<Reads[]> {
  const live = await inTransaction(engine, async (tx) => {
    const found = await conflicts.lockConflicts(
      tx,
      asks.map((a) => a.id),
    )
    const open = found.filter((c) => c.state === 'open').map((c) => c.recordId)
    return (await links.linksOfRecords(tx, [...new Set(open)])).filter((l) => l.state === 'live' && l.externalId !== null)
  })
  const reads: Reads[] = []
  for (const rt of engine.runtimes)
    for (const [object, rows] of Map.groupBy(
      live.filter((l) => l.connectionId === rt.id),
      (l) => l.object,
    )) {
      if (!rt.objects.includes(object)) continue
      for (const piece of chunks(rows, rt.connector.batch.readByIds)) {
        const ctx = await inTransaction(engine, (tx) => drawContext(tx, engine, rt, null))
        const ids = piece.map((l) => l.externalId!)
        const found = await rt.connector.readByIds({ object, ids, columns: columnsOf(rt, object) })
        reads.push({ ctx, object, snapshots: await withAssociations(rt, object, found) })
      }
    }
  return reads
}

/** The sides of a conflict by name, as the last reads show them. */
interface Shown {
  hub: Side
  links: { link: LinkRow; name: string; side: Side }[]
  /** Values that writes of ours replaced unread: they stand nowhere any more. */
  lost: { name: string; side: Side }[]
}

function show(conflict: ConflictRow, record: RecordRow, live: LinkRow[], runtimes: readonly Runtime[]): Shown {
  const state = record.fields[conflict.field]
  const nameOf = (id: string) => runtimes.find((r) => r.id === id)?.name ?? id
  const told = conflict.sides.find((s) => s.side === 'hub' && same(s.value, state?.v ?? null))
  return {
    lost: conflict.sides.flatMap((side) =>
      side.side === overwrittenSide(side.origin) ? [{ name: `${nameOf(side.origin)}-overwritten`, side }] : [],
    ),
    hub: { side: 'hub', value: state?.v ?? null, origin: state?.o ?? '', at: told?.at ?? state?.t ?? [0, 0] },
    links: live.flatMap((link) => {
      const rt = runtimes.find((r) => r.id === link.connectionId)
      const own = conflict.sides.find((s) => s.side === link.connectionId)
      const base = link.base[conflict.field]
      if (!rt || !mappingOf(rt, record.entity)?.byName.has(conflict.field) || (!own && !base)) return []
      const side = own ?? { side: rt.id, value: base!.c, raw: base!.r, origin: rt.id, at: state?.t ?? [0, 0] }
      return [{ link, name: rt.name, side }]
    }),
  }
}

async function settle(tx: Tx, engine: Engine, asks: readonly Ask[], busy: ReadonlySet<string>, by: string): Promise<Answer[]> {
  const found = new Map(
    (
      await conflicts.lockConflicts(
        tx,
        asks.map((a) => a.id),
      )
    ).map((c) => [c.id, c]),
  )
  const recordIds = [...new Set([...found.values()].map((c) => c.recordId))].sort()
  const recordsById = new Map((await records.lockRecords(tx, recordIds)).map((r) => [r.id, r]))
  const byRecord = Map.groupBy(
    (await links.linksOfRecords(tx, recordIds)).filter((l) => l.state === 'live'),
    (l) => l.recordId!,
  )
  const now = await lanes.databaseNow(tx)
  const fields = new Map<string, Record<string, FieldState>>()
  const bases: links.LinkChange[] = []
  const journal: records.ChangeRow[] = []
  const settled: { id: string; by: string; resolution: unknown }[] = []
  const answers = asks.map(({ id, rev, choice }): Answer => {
    const refused = (code: EditRefused['code'], message: string, present?: Record<string, Value>, version?: number): Answer => ({
      id,
      ok: false,
      error: new EditRefused(code, message, present, version),
    })
    const conflict = found.get(id)
    if (!conflict) return refused('not_found', `there is no conflict ${id}`)
    if (conflict.state !== 'open')
      return refused('settled', `conflict ${id} is settled already (${conflict.settledBy ?? 'earlier'}); nothing was changed`)
    const record = recordsById.get(conflict.recordId)
    if (!record || record.deleted || record.frozen !== null)
      return refused('frozen', `the record of conflict ${id} is ${record?.frozen ? `frozen: ${record.frozen}` : 'deleted'}`)
    const live = byRecord.get(record.id) ?? []
    const shown = show(conflict, record, live, engine.runtimes)
    const present = {
      [RECORD_SIDE]: shown.hub.value,
      ...Object.fromEntries([...shown.links, ...shown.lost].map((l) => [l.name, l.side.value])),
    }
    if (rev !== conflict.rev)
      return refused(
        'stale',
        `a side of conflict ${id} (${conflict.field}) has changed since it was shown; look at the present values and answer again`,
        present,
        conflict.rev,
      )
    if (live.some((l) => l.openWrite !== null || busy.has(`${l.connectionId} ${l.object} ${l.externalId}`)))
      return refused('busy', `a write to the record of conflict ${id} is under way; try again in a moment`)
    const value = chosenValue(choice, conflict, shown, present, engine)
    if (typeof value === 'string') return refused('invalid', value)
    const before = record.fields[conflict.field]
    const state: FieldState = { v: value.chosen, n: (before?.n ?? 0) + 1, o: by, t: [now, now] }
    record.fields = { ...record.fields, [conflict.field]: state }
    fields.set(record.id, { ...fields.get(record.id), [conflict.field]: state })
    // The bases are the sides that were seen: what differs from the answer is sent.
    for (const { link, side } of shown.links) {
      const agrees = same(side.value, value.chosen)
      const base: Base = { [conflict.field]: { c: side.value, r: side.raw ?? null, n: agrees ? state.n : (before?.n ?? 0) } }
      bases.push({ id: link.id, base })
    }
    settled.push({ id, by, resolution: { ...choice, value: value.chosen, sides: present } })
    journal.push({
      recordId: record.id,
      connectionId: null,
      runId: null,
      kind: 'resolved',
      origin: by,
      version: record.version + 1,
      fields: { [conflict.field]: [before?.v ?? null, value.chosen] },
    })
    return { id, ok: true, recordId: record.id, field: conflict.field, value: value.chosen }
  })
  await records.updateRecords(
    tx,
    [...fields].map(([id, changed]) => ({ id, fields: changed })),
  )
  await links.updateLinks(tx, bases)
  await conflicts.resolveConflicts(tx, settled)
  await records.appendChanges(tx, journal)
  await queues.touchOutbox(tx, [...fields.keys()])
  return answers
}

/** The value that a choice comes to, or why it comes to none. */
function chosenValue(
  choice: Choice,
  conflict: ConflictRow,
  shown: Shown,
  present: Record<string, Value>,
  engine: Engine,
): { chosen: Value } | string {
  if ('value' in choice) return { chosen: choice.value }
  if ('keep' in choice) {
    if (choice.keep in present) return { chosen: present[choice.keep]! }
    return `conflict ${conflict.id} has no side "${choice.keep}"; its sides are ${Object.keys(present).join(', ')}`
  }
  let leading = shown.hub
  for (const { side } of [...shown.links, ...shown.lost]) {
    if (same(side.value, leading.value)) continue
    const verdict = judge(choice.judge, {
      hub: { value: leading.value, origin: leading.origin, at: leading.at },
      remote: { value: side.value, origin: side.origin, at: side.at },
      namesOf: namesOf(engine.runtimes),
    })
    if ('undecided' in verdict) return `the policy does not decide conflict ${conflict.id}: ${verdict.undecided}`
    leading = verdict.winner === 'remote' ? side : { ...leading, value: verdict.value }
  }
  return { chosen: leading.value }
}

/**
 * "Always do this": from now on a policy decides about a field, in every connection that maps it, and about the open
 * conflicts of that field.
 *
 * @throws EditRefused when nothing maps the field.
 */
export async function decideAlways(engine: Engine, entity: Entity, field: string, policy: Policy): Promise<Answer[]> {
  const mapped = mappingField(engine, entity, field)
  if (mapped.length === 0) throw new EditRefused('invalid', `no connection maps the field ${field} of ${entity}`)
  const source = typeof policy === 'object' ? policy.source : undefined
  if (source !== undefined && !engine.runtimes.some((rt) => rt.name === source || rt.kind === source))
    throw new EditRefused(
      'invalid',
      `there is no connection "${source}"; there are ${engine.runtimes.map((rt) => rt.name).join(', ')}`,
    )
  await inTransaction(engine, async (tx) => {
    for (const rt of mapped) await activate(tx, rt, withPolicy(mappingOf(rt, entity)!.document, field, policy))
  })
  for (const rt of mapped) await refreshMappings(engine, rt)
  const open = await inTransaction(engine, (tx) =>
    conflicts.openConflictsWhere(tx, { entity, field, kinds: ['edit', 'overwritten'] }),
  )
  return resolveConflicts(
    engine,
    open.map((c) => ({ ...c, choice: { judge: policy } })),
    'policy',
  )
}
