import { randomUUID } from 'node:crypto'
import type { Snapshot } from '../../connectors/connector.ts'
import type { CompiledMapping } from '../../mappings/compile.ts'
import { rawOf } from '../../mappings/lens.ts'
import { same } from '../../mappings/model/value.ts'
import type { LinkRow } from '../../mappings/state.ts'
import * as conflicts from '../../store/conflicts.ts'
import * as links from '../../store/links.ts'
import * as queues from '../../store/queues.ts'
import * as records from '../../store/records.ts'
import { columnsOf } from '../runtime.ts'
import { commit, errorJson, send, type Target, type Work } from './work.ts'

/** Only a row that is as we last saw it is deleted; an edit in between is a person's to judge. */
export async function deleteBatch(work: Work, mapping: CompiledMapping, targets: Target[]): Promise<void> {
  const { rt } = work
  const read = await rt.connector.readByIds({
    object: mapping.object,
    ids: targets.map((t) => t.link.externalId!),
    columns: columnsOf(rt, mapping.object),
  })
  const snapshots = new Map(read.map((s) => [s.id, s]))
  const prepared = await commit(work, async (tx) => {
    const gone = targets.filter((t) => {
      const s = snapshots.get(t.link.externalId!)
      return !s || s.deleted
    })
    await links.updateLinks(
      tx,
      gone.map((t) => ({ id: t.link.id, state: 'dead', openWrite: null })),
    )
    await queues.finishOutbox(
      tx,
      gone.map((t) => t.outbox),
    )
    const living = targets.filter((t) => !gone.includes(t))
    const edited = living.filter((t) => editedSince(mapping, t.link, snapshots.get(t.link.externalId!)!))
    for (const t of edited)
      await records.freeze(
        tx,
        t.record.id,
        `deleted elsewhere, but edited in ${rt.name} since it was last read: decide between delete and edit`,
      )
    await queues.finishOutbox(
      tx,
      edited.map((t) => t.outbox),
    )
    const ready = living.filter((t) => !edited.includes(t))
    const ids = await links.insertWrites(
      tx,
      rt.id,
      randomUUID(),
      work.runId,
      ready.map((t) => ({
        linkId: t.link.id,
        recordId: t.record.id,
        kind: 'delete',
        fields: {},
        readVersion: snapshots.get(t.link.externalId!)!.version,
        readClock: 0,
      })),
    )
    return { ready, ids }
  })
  if (prepared.ready.length === 0) return
  const outcomes = await send(work, [...prepared.ids.values()], () =>
    rt.connector.remove({ object: mapping.object, ids: prepared.ready.map((t) => t.link.externalId!) }),
  )
  await commit(work, async (tx) => {
    const ok = prepared.ready.filter((_, i) => outcomes[i]!.ok)
    const failed = prepared.ready.flatMap((t, i) => {
      const o = outcomes[i]!
      return o.ok ? [] : [{ t, error: o.error }]
    })
    await links.updateLinks(
      tx,
      ok.map((t) => ({ id: t.link.id, state: 'dead', openWrite: null })),
    )
    await links.updateLinks(
      tx,
      failed.map(({ t }) => ({ id: t.link.id, openWrite: null })),
    )
    await links.answerWrites(tx, [
      ...ok.map((t) => ({ id: prepared.ids.get(t.link.id)!, state: 'settled' as const })),
      ...failed.map(({ t, error }) => ({
        id: prepared.ids.get(t.link.id)!,
        state: 'refused' as const,
        error: errorJson(error),
      })),
    ])
    await conflicts.putDeadLetters(
      tx,
      rt.id,
      failed.map(({ t, error }) => ({
        id: randomUUID(),
        linkId: t.link.id,
        recordId: t.record.id,
        entity: mapping.entity,
        field: '(delete)',
        value: null,
        class: error.class,
        message: error.message,
      })),
    )
    await queues.finishOutbox(
      tx,
      prepared.ready.map((t) => t.outbox),
    )
    work.counts.deleted += ok.length
    work.counts.refused += failed.length
  })
}

export const editedSince = (mapping: CompiledMapping, link: LinkRow, snapshot: Snapshot): boolean =>
  mapping.fields.some((f) => {
    const base = link.base[f.name]
    // A reference that the CRM blanked because its target went is no person's edit.
    return (
      base && f.type !== 'reference' && f.writes && snapshot.row[f.column] !== undefined && !same(rawOf(f, snapshot.row), base.r)
    )
  })
