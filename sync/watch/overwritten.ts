import { randomUUID } from 'node:crypto'
import type { HistoryAnswer, HistoryEntry } from '../../connectors/connector.ts'
import { type CompiledField, type CompiledMapping, isAssociationColumn } from '../../mappings/compile.ts'
import { type Json, same, type Value } from '../../mappings/model/value.ts'
import type { ConflictRow, FieldState, Fields, Flip, RecordRow, Side, WriteField } from '../../mappings/state.ts'
import * as conflicts from '../../store/conflicts.ts'
import type { Tx } from '../../store/database.ts'
import * as queues from '../../store/queues.ts'
import * as records from '../../store/records.ts'
import * as watch from '../../store/watch.ts'
import { judge } from '../merge/policy.ts'
import { policyName } from '../merge/record.ts'
import { commit, type Work } from '../push/work.ts'
import { namesOf, type Runtime } from '../runtime.ts'
import { canonical } from './canonical.ts'
import { type Past, unseen } from './unseen.ts'

/** What updates of ours replaced without anybody having read it: found in the CRM's history, offered back. */

/** History is kept by whole seconds in some CRMs. */
export const SECOND_MS = 1_000
/** A field that cannot be read just now is looked for again. */
const HIDDEN_MS = 3_600_000

/** Accounts for one batch of writes of an entity. */
export async function accountForUpdates(work: Work, mapping: CompiledMapping, writes: watch.WatchedWrite[]): Promise<void> {
  const { rt } = work
  const fieldsOf = (w: watch.WatchedWrite) =>
    Object.keys(w.fields).flatMap((name) => {
      const field = mapping.byName.get(name)
      return field && !isAssociationColumn(field.column) && !w.done.includes(name) ? [field] : []
    })
  const columns = [...new Set(writes.flatMap((w) => fieldsOf(w).flatMap(columnsFor)))]
  const answer: HistoryAnswer =
    columns.length === 0
      ? { tracked: new Set(), rows: new Map() }
      : await rt.connector.history({
          object: mapping.object,
          ids: [...new Set(writes.map((w) => w.externalId))],
          columns,
          // A change that was committed late carries an older time.
          since: Math.min(...writes.map((w) => w.readClock)) - SECOND_MS - rt.connector.overlapMs,
        })
  const windows = await commit(work, async (tx) => {
    const measured: (number | undefined)[] = []
    const cases: Case[] = []
    const hidden: { id: number; done: string[] }[] = []
    for (const w of writes) {
      const of = answer.rows.get(w.externalId)
      const open: string[] = []
      for (const field of fieldsOf(w)) {
        const histories = columnsFor(field).filter((c) => answer.tracked.has(c))
        // A row that is gone for good has no history, nor has a field that nobody tracks.
        if (!of || histories.length === 0) continue
        if (histories.some((c) => !of.has(c))) open.push(field.name)
        else cases.push({ write: w, field, written: w.fields[field.name]!, of })
      }
      if (open.length > 0) hidden.push({ id: w.id, done: Object.keys(w.fields).filter((f) => !open.includes(f)) })
    }
    await settleLost(tx, work, await lostIn(tx, rt, mapping, cases, measured))
    await watch.deferWatched(tx, hidden, HIDDEN_MS)
    const waiting = new Set(hidden.map((h) => h.id))
    await watch.finishWatched(
      tx,
      writes.map((w) => w.id).filter((id) => !waiting.has(id)),
    )
    return measured
  })
  noteWindows(rt, windows)
}

const columnsFor = (field: CompiledField): string[] => [field.column, ...(field.companion ? [field.companion] : [])]

/** One written field, with the history of its row. */
interface Case {
  write: watch.WatchedWrite
  field: CompiledField
  written: WriteField
  of: Map<string, HistoryEntry[]>
}

/** A value that a write replaced unread, and those that had come before it. */
interface Lost extends Case {
  values: Past[]
  raw: Json
}

/** Reads the histories through the lens, all in one go, and tells what was lost. */
async function lostIn(
  tx: Tx,
  rt: Runtime,
  mapping: CompiledMapping,
  cases: Case[],
  windows: (number | undefined)[],
): Promise<Lost[]> {
  const asked = cases.map((c) => {
    const { column, companion } = c.field
    // What the companion of a value was does not matter here but for reading it.
    const [before, beside] =
      companion && Array.isArray(c.written.b) ? [c.written.b[0] ?? null, c.written.b[1] ?? null] : [c.written.b, null]
    // A CRM that keeps its history by whole seconds may have set it in the second of the read.
    const { readClock } = c.write
    const readAt = rt.connector.answersWithRecord ? readClock : Math.floor(readClock / SECOND_MS) * SECOND_MS
    return { before, beside, readAt, entries: c.of.get(column) ?? [] }
  })
  const values = await canonical(
    tx,
    rt,
    mapping,
    cases.map(({ field }, i) => {
      const { before, beside, entries } = asked[i]!
      return { field, beside, values: [before, ...entries.flatMap((e) => [e.value, e.from ?? null])] }
    }),
  )
  return cases.flatMap((c, i) => {
    const { entries, readAt } = asked[i]!
    const [before, ...pairs] = values[i]!
    // What the read had shown has no canonical value: nobody could have written over it.
    if (before === undefined) return []
    const history = entries.map(
      (e, n): Past => ({
        value: pairs[2 * n],
        from: pairs[2 * n + 1],
        chained: e.from !== undefined,
        at: e.at,
        by: e.by,
        ours: isOurs(rt, e, pairs[2 * n], c.written.c),
      }),
    )
    windows.push(windowIn(history, c.written.c, readAt))
    const lost = unseen(history, { before, sent: c.written.c, readAt })
    const [last] = lost.slice(-1)
    if (!last) return []
    const entry = entries[history.indexOf(last)]
    return [{ ...c, values: lost, raw: entry ? entry.value : (last.value as Json) }]
  })
}

/** Windows that are remembered, for whoever asks how large they are. */
const REMEMBERED = 1_000

function noteWindows({ windows }: Runtime, measured: readonly (number | undefined)[]): void {
  windows.push(...measured.filter((m) => m !== undefined))
  windows.splice(0, Math.max(0, windows.length - REMEMBERED))
}

const windowIn = (history: readonly Past[], sent: Value, readAt: number): number | undefined => {
  const own = history.find((p) => p.ours && p.at >= readAt && p.value !== undefined && same(p.value, sent))
  return own && own.at - readAt
}

/** How large the window between a read and the write that follows it is: half of them, and 99 of 100, are no larger. */
export function windowOf({ windows }: Runtime): { p50: number; p99: number } | undefined {
  if (windows.length === 0) return undefined
  const sorted = windows.toSorted((a, b) => a - b)
  const quantile = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!
  return { p50: quantile(0.5), p99: quantile(0.99) }
}

/** Where the CRM does not say which app we are, it is told by the value. */
export const isOurs = ({ account }: Runtime, e: HistoryEntry, value: Value | undefined, sent: Value): boolean =>
  account.ourselves === '' ? e.through === 'INTEGRATION' && value !== undefined && same(value, sent) : e.by === account.ourselves

/** The side of a conflict that stands for a value which we had replaced in a connection. */
export const overwrittenSide = (connectionId: string): string => `${connectionId} overwritten`

/** Puts right what was lost: by the field's policy where it decides, else a person is asked. */
async function settleLost(tx: Tx, work: Work, lost: Lost[]): Promise<void> {
  if (lost.length === 0) return
  const { rt, engine } = work
  const ids = [...new Set(lost.map((l) => l.write.recordId))].sort()
  const byId = new Map((await records.lockRecords(tx, ids)).map((r) => [r.id, r]))
  const open = new Map((await conflicts.openConflicts(tx, ids)).map((c) => [`${c.recordId} ${c.field}`, c]))
  const journal: records.ChangeRow[] = []
  const changed = new Map<string, Fields>()
  const opened: ConflictRow[] = []
  const observed: ConflictRow[] = []
  const note = (record: RecordRow, l: Lost, kind: 'overwritten' | 'overruled' | 'update', entry: [Value, Value]) =>
    journal.push({
      recordId: record.id,
      connectionId: rt.id,
      runId: l.write.runId,
      kind,
      origin: rt.id,
      version: record.version + (kind === 'update' ? 1 : 0),
      fields: { [l.field.name]: entry },
    })
  for (const l of lost) {
    const record = byId.get(l.write.recordId)
    if (!record) continue
    const name = l.field.name
    const last = l.values.at(-1)!
    const by = personOf(rt, last.by)
    const hub: FieldState = record.fields[name] ?? { v: null, n: 0, o: '', t: [0, 0] }
    note(record, l, 'overwritten', [last.value ?? (l.raw as Value), l.written.c])
    // What has no canonical value is told in the journal and cannot be given back by us.
    if (last.value === undefined || record.deleted || same(hub.v, last.value)) continue
    const side: Side = {
      side: overwrittenSide(rt.id),
      value: last.value,
      raw: l.raw,
      origin: rt.id,
      at: [last.at, last.at],
      ...(by && { by }),
    }
    const history = l.values.map(
      (p, i): Flip => ({
        origin: rt.id,
        from: l.values[i - 1]?.value ?? null,
        to: p.value ?? null,
        at: p.at,
      }),
    )
    const key = `${record.id} ${name}`
    const conflict = open.get(key)
    if (conflict) {
      Object.assign(conflict, {
        sides: [...conflict.sides.filter((x) => x.side !== side.side), side],
        history: [...(conflict.history ?? []), ...history],
        rev: conflict.rev + 1,
      })
      if (!opened.includes(conflict) && !observed.includes(conflict)) observed.push(conflict)
      continue
    }
    const verdict = judge(l.field.mapping.policy, {
      hub: { value: hub.v, origin: hub.o, at: hub.t },
      remote: { value: last.value, origin: rt.id, at: [last.at, last.at] },
      namesOf: namesOf(engine.runtimes),
    })
    // A policy may not set a lost value over what was said since.
    const since = hub.n !== l.written.n || record.frozen !== null
    if ('undecided' in verdict || since) {
      const made: ConflictRow = {
        id: randomUUID(),
        recordId: record.id,
        field: name,
        kind: 'overwritten',
        base: hub.v,
        policy: policyName(l.field.mapping.policy),
        why: `it was saved in ${rt.name} a moment before our write came, and nobody had read it; ${'undecided' in verdict ? verdict.undecided : 'the field was changed again since'}`,
        rev: 1,
        sides: [{ side: 'hub', value: hub.v, origin: hub.o, at: hub.t }, side],
        history,
      }
      opened.push(made)
      open.set(key, made)
    } else if (verdict.winner === 'hub') note(record, l, 'overruled', [last.value, hub.v])
    else {
      const state: FieldState = { v: verdict.value, n: hub.n + 1, o: rt.id, t: [last.at, last.at] }
      note(record, l, 'update', [hub.v, verdict.value])
      record.fields = { ...record.fields, [name]: state }
      changed.set(record.id, { ...changed.get(record.id), [name]: state })
    }
  }
  await records.updateRecords(
    tx,
    [...changed].map(([id, fields]) => ({ id, fields })),
  )
  await queues.touchOutbox(tx, [...changed.keys()])
  await conflicts.insertConflicts(tx, opened)
  await conflicts.updateConflicts(tx, observed)
  await records.appendChanges(tx, journal)
}

/** Who signed a change: an e-mail address, or as it was signed where nobody is known by that name. */
export function personOf(rt: Runtime, signed: string): string | undefined {
  const person = rt.people.find((p) => p.id === signed || p.alias === signed)
  return person?.email ?? (signed || undefined)
}
