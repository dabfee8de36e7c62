import { chunks, type Outcome, type Snapshot } from '../../connectors/connector.ts'
import { CrmError } from '../../connectors/errors.ts'
import type { CompiledMapping } from '../../mappings/compile.ts'
import { readRows } from '../../mappings/lens.ts'
import type { Tx } from '../../store/database.ts'
import * as intents from '../../store/intents.ts'
import * as links from '../../store/links.ts'
import * as undo from '../../store/undo.ts'
import { type ApplyContext, drawContext } from '../batch.ts'
import { inTransaction } from '../engine.ts'
import { hasChildren, livingChildren } from '../frozen.ts'
import { NOT_SENT } from '../push/create.ts'
import { editedSince } from '../push/delete.ts'
import { commit, concurrently, send, type Target, type Work } from '../push/work.ts'
import { NO_REFERENCES } from '../references.ts'
import { columnsOf, lensContext } from '../runtime.ts'
import { intentsOf, keep, lockKnown, NO_OUTBOX, putOff, refuse, step } from './steps.ts'

/** Rows that were made are removed again. */

export async function removeRows(work: Work, mapping: CompiledMapping, steps: undo.Step[]): Promise<void> {
  const { engine, rt } = work
  const found = await inTransaction(engine, (tx) =>
    links.readLinks(
      tx,
      steps.map((s) => s.linkId),
    ),
  )
  const ids = found.flatMap((l) => (l.state === 'live' ? (l.externalId ?? []) : []))
  const ctx = await inTransaction(engine, (tx) => drawContext(tx, engine, rt, work.runId))
  const read: Snapshot[] = []
  await concurrently(
    chunks(ids, rt.connector.batch.readByIds).map((piece) => async () => {
      read.push(...(await rt.connector.readByIds({ object: mapping.object, ids: piece, columns: columnsOf(rt, mapping.object) })))
    }),
  )
  const sendBy = Date.now() + engine.timing.sendBy
  const { ready, writes } = await commit(work, (tx) => prepareRemovals(tx, work, mapping, steps, ctx, read))
  const waiting = new Set(chunks(ready, rt.connector.batch.remove))
  try {
    await concurrently(
      [...waiting].map((piece) => async () => {
        // Too late to be sent: when it could land would be anybody's guess.
        if (Date.now() > sendBy) return
        waiting.delete(piece)
        await sendRemovals(work, mapping, piece, writes, sendBy)
      }),
    )
  } finally {
    const unsent = [...waiting].flat()
    await commit(work, async (tx) => {
      await intents.refuseWrites(
        tx,
        unsent.map((t) => ({ linkId: t.link.id, id: writes.get(t.link.id)!, error: NOT_SENT })),
      )
      await standAgain(tx, unsent)
    })
  }
}

async function sendRemovals(
  work: Work,
  mapping: CompiledMapping,
  piece: Target[],
  writes: ReadonlyMap<string, number>,
  sendBy: number,
): Promise<void> {
  const own = new Map(piece.map((t) => [t.link.id, writes.get(t.link.id)!]))
  let results: Outcome[]
  try {
    results = await send(work, own, () =>
      work.rt.connector.remove({ object: mapping.object, ids: piece.map((t) => t.link.externalId!), sendBy }),
    )
  } catch (error) {
    // A call that failed for certain has removed nothing.
    if (error instanceof CrmError && error.class !== 'unknown_outcome') await commit(work, (tx) => standAgain(tx, piece))
    throw error
  }
  const outcomes = new Map<Target, Outcome>(piece.map((t, i) => [t, results[i]!]))
  await commit(work, (tx) =>
    intents.closeWrites(
      tx,
      piece.filter((t) => outcomes.get(t)!.ok).map((t) => t.link.id),
    ),
  )
  work.counts.deleted += results.filter((o) => o.ok).length
  await refuse(work, mapping, own, piece, outcomes, 'live')
}

const standAgain = (tx: Tx, ready: readonly Target[]) =>
  links.updateLinks(
    tx,
    ready.map((t) => ({ id: t.link.id, state: 'live' })),
  )

/** Only what is as we last saw it, and stands above nothing, is removed. From now on its absence means nothing. */
async function prepareRemovals(
  tx: Tx,
  work: Work,
  mapping: CompiledMapping,
  steps: undo.Step[],
  ctx: ApplyContext,
  read: Snapshot[],
): Promise<{ ready: Target[]; writes: Map<string, number> }> {
  const { rt } = work
  const living = read.filter((s) => !s.deleted && !s.unseen)
  const lens = lensContext(rt, mapping, NO_REFERENCES)
  const canonical = await readRows(
    mapping,
    living.map((s) => s.row),
    lens,
  )
  const readings = new Map(living.map((s, i) => [s.id, { snapshot: s, reading: canonical[i]! }]))
  const known = await lockKnown(tx, steps, ctx.ticket)
  const below = hasChildren(mapping.entity) ? await livingChildren(tx, rt, [...known.records.keys()]) : new Map<string, string>()
  const ready: { step: undo.Step; target: Target; snapshot: Snapshot }[] = []
  const changes: undo.StepChange[] = []
  const busy: undo.Step[] = []
  for (const s of steps) {
    const { link, record } = known.of(s)
    const now = readings.get(link?.externalId ?? '')
    if (!link || !record || link.state !== 'live' || !now) {
      changes.push(keep(s, 'its row is not there any more'))
      continue
    }
    if (record.frozen !== null || record.deleted) {
      changes.push(keep(s, 'the record was deleted or frozen since'))
      continue
    }
    if (link.openWrite !== null || link.changedSince) {
      busy.push(s)
      continue
    }
    const edits = Object.keys(editedSince(mapping, link, now.reading))
    const children = below.get(record.id)
    if (edits.length > 0) changes.push(keep(s, `${edits.join(', ')} edited there since`))
    else if (children) changes.push(keep(s, `${children} of it stand there`))
    else ready.push({ step: s, target: { link, record, outbox: NO_OUTBOX(link.id, link.entity) }, snapshot: now.snapshot })
  }
  await putOff(tx, work, mapping, busy)
  await links.updateLinks(
    tx,
    ready.map((r) => ({ id: r.target.link.id, state: 'withdrawn' })),
  )
  const writes = await intentsOf(
    tx,
    work,
    ready.map(({ step: s, target, snapshot }) => ({
      step: s,
      write: {
        linkId: target.link.id,
        recordId: target.record.id,
        kind: 'delete',
        fields: {},
        readVersion: snapshot.version,
        readClock: snapshot.clock,
      },
    })),
  )
  await undo.changeSteps(tx, [
    ...changes,
    ...ready.map((r) => step(r.step, { state: 'sent', writeId: writes.get(r.step.linkId)! })),
  ])
  return { ready: ready.map((r) => r.target), writes }
}
