import type { CompiledMapping } from '../../mappings/compile.ts'
import { readRows } from '../../mappings/lens.ts'
import type { Value } from '../../mappings/model/value.ts'
import type { FieldState, Fields } from '../../mappings/state.ts'
import * as links from '../../store/links.ts'
import * as records from '../../store/records.ts'
import * as watch from '../../store/watch.ts'
import { editedSince } from '../push/delete.ts'
import { commit, type Work } from '../push/work.ts'
import { inward } from '../references.ts'
import { columnsOf, lensContext } from '../runtime.ts'

/** Rows that we deleted are read once more where they lie: a person may have edited them a moment before. */

export async function accountForDeletes(work: Work, mapping: CompiledMapping, writes: watch.WatchedWrite[]): Promise<void> {
  const { rt } = work
  const found = await rt.connector.readByIds({
    object: mapping.object,
    ids: writes.map((w) => w.externalId),
    columns: columnsOf(rt, mapping.object),
    watch: true,
  })
  const byId = new Map(found.filter((s) => s.deleted).map((s) => [s.id, s]))
  await commit(work, async (tx) => {
    const linkById = new Map(
      (
        await links.readLinks(
          tx,
          writes.map((w) => w.linkId),
        )
      ).map((l) => [l.id, l]),
    )
    const references = await inward(tx, rt, mapping.object, [...byId.values()])
    const context = lensContext(rt, mapping, references)
    const locked = await records.lockRecords(tx, [...new Set(writes.map((w) => w.recordId))].sort())
    const recordsById = new Map(locked.map((r) => [r.id, r]))
    for (const w of writes) {
      const [link, record, snapshot] = [linkById.get(w.linkId), recordsById.get(w.recordId), byId.get(w.externalId)]
      if (link?.state !== 'dead' || !record?.deleted || record.deleteApproved || record.frozen !== null || !snapshot) continue
      const [reading] = await readRows(mapping, [snapshot.row], context)
      const edits = Object.entries(editedSince(mapping, link, reading!)).filter(
        ([name]) => snapshot.row[mapping.byName.get(name)!.column] !== undefined,
      )
      if (edits.length === 0) continue
      const at = snapshot.version
      const fields: Fields = Object.fromEntries(
        edits.map(([name, [, now]]): [string, FieldState] => [
          name,
          { v: now, n: (record.fields[name]?.n ?? 0) + 1, o: rt.id, t: [w.readClock, at] },
        ]),
      )
      // Who keeps the record keeps the edit.
      await records.updateRecords(tx, [{ id: record.id, fields }])
      await records.appendChanges(tx, [
        {
          recordId: record.id,
          connectionId: rt.id,
          runId: w.runId,
          kind: 'update',
          origin: rt.id,
          version: record.version + 1,
          fields: Object.fromEntries(
            edits.map(([name, [, now]]) => [name, [record.fields[name]?.v ?? null, now] as [Value, Value]]),
          ),
        },
      ])
      await records.freeze(
        tx,
        record.id,
        'delete_or_edit',
        `deleted elsewhere and then in ${rt.name}, where ${edits.map(([name]) => name).join(', ')} had been edited a moment before: decide between delete and keep`,
      )
    }
    await watch.finishWatched(
      tx,
      writes.map((w) => w.id),
    )
  })
}
