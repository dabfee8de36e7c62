import { randomUUID } from 'node:crypto'
import type { Outcome } from '../../connectors/connector.ts'
import type { CompiledMapping } from '../../mappings/compile.ts'
import type { Value } from '../../mappings/model/value.ts'
import type { ConflictRow, LinkRow, RecordRow } from '../../mappings/state.ts'
import type { Tx } from '../../store/database.ts'
import * as intents from '../../store/intents.ts'
import * as links from '../../store/links.ts'
import * as queues from '../../store/queues.ts'
import * as records from '../../store/records.ts'
import * as undo from '../../store/undo.ts'
import { commit, demand, errorJson, type Target, type Work } from '../push/work.ts'

/** What the steps of undos share: how one is told as carried out, put off, kept or refused. */

const BUSY_MS = 500

export const step = ({ undoId, linkId }: undo.Step, change: Omit<undo.StepChange, 'undoId' | 'linkId'>): undo.StepChange => ({
  undoId,
  linkId,
  ...change,
})

/** A step that is not carried out, and why. */
export const keep = (s: undo.Step, reason: string): undo.StepChange =>
  step(s, { state: 'kept', reason, kept: { '(row)': reason } })

/** Steps of an undo belong to its run. */
export const intentsOf = async (
  tx: Tx,
  work: Work,
  ready: { step: undo.Step; write: intents.NewWrite }[],
): Promise<Map<string, number>> => {
  const ids = new Map<string, number>()
  for (const [undoId, of] of Map.groupBy(ready, (r) => r.step.undoId))
    for (const [linkId, id] of await intents.insertWrites(
      tx,
      work.rt.id,
      randomUUID(),
      undoId,
      of.map((r) => r.write),
      work.watching,
    ))
      ids.set(linkId, id)
  return ids
}

/** No outbox row is answered by a step. */
export const NO_OUTBOX = (linkId: string, entity: string): queues.OutboxRow => ({ linkId, entity, seq: -1, attempts: 0 })

/** Rows of which a write of ours is open, or that were changed while they were read, are looked at again. */
export async function putOff(tx: Tx, work: Work, mapping: CompiledMapping, busy: undo.Step[]): Promise<void> {
  if (busy.length === 0) return
  demand(work, mapping.object, false)
  for (const [undoId, of] of Map.groupBy(busy, (s) => s.undoId))
    await undo.deferSteps(
      tx,
      undoId,
      of.map((s) => s.linkId),
      BUSY_MS,
    )
}

/** Links and records of some steps as they stand now, locked. */
export async function lockKnown(tx: Tx, steps: undo.Step[], ticket: string) {
  const found = await links.lockLinks(
    tx,
    steps.map((s) => s.linkId),
    ticket,
  )
  const byId = new Map(found.map((l) => [l.id, l]))
  const recordIds = [...new Set(found.flatMap((l) => l.recordId ?? []))].sort()
  const recordsById = new Map((await records.lockRecords(tx, recordIds)).map((r) => [r.id, r]))
  return {
    records: recordsById,
    of: (s: undo.Step): { link: links.TicketedLink | undefined; record: RecordRow | undefined } => {
      const link = byId.get(s.linkId)
      return { link, record: recordsById.get(link?.recordId ?? '') }
    },
  }
}

/** Writes that a CRM refused: the step says why, and the row is read again. */
export async function refuse(
  work: Work,
  mapping: CompiledMapping,
  writes: ReadonlyMap<string, number>,
  sent: readonly Target[],
  outcomes: ReadonlyMap<Target, Outcome>,
  back?: LinkRow['state'],
): Promise<void> {
  const failed = sent.flatMap((t) => {
    const o = outcomes.get(t)!
    return o.ok ? [] : [{ t, error: o.error }]
  })
  if (failed.length === 0) return
  const certain = failed.filter(({ error }) => error.class !== 'unknown_outcome')
  await commit(work, async (tx) => {
    await intents.refuseWrites(
      tx,
      certain.map(({ t, error }) => ({ linkId: t.link.id, id: writes.get(t.link.id)!, error: errorJson(error) })),
    )
    if (back)
      await links.updateLinks(
        tx,
        certain.map(({ t }) => ({ id: t.link.id, state: back })),
      )
    await queues.touchInbox(
      tx,
      work.rt.id,
      certain.flatMap(({ t }) => (t.link.externalId ? [{ object: mapping.object, externalId: t.link.externalId }] : [])),
      'a write to it was refused',
    )
    await intents.stillInFlight(
      tx,
      failed.filter(({ error }) => error.class === 'unknown_outcome').map(({ t }) => t.link.id),
    )
  })
  work.counts.refused += certain.length
}

/** What a row holds as far as anybody has read: of a frozen field its conflict knows that, and the base stands still. */
export function heldValue(link: LinkRow, name: string, conflict: ConflictRow | undefined): Value | undefined {
  const side = conflict?.sides.find((s) => s.side === link.connectionId)
  return side ? side.value : link.base[name]?.c
}
