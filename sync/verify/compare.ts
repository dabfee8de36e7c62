import { sql } from 'kysely'
import type { Snapshot } from '../../connectors/connector.ts'
import { readRows } from '../../mappings/lens.ts'
import { isBlank, same, type Value } from '../../mappings/model/value.ts'
import type { LinkRow } from '../../mappings/state.ts'
import { rows, type Tx } from '../../store/database.ts'
import * as links from '../../store/links.ts'
import * as records from '../../store/records.ts'
import { seenRows } from '../../store/verifications.ts'
import { inward } from '../references.ts'
import { classify, lensContext, type Runtime } from '../runtime.ts'
import { goneAmong, storedReasons } from './reasons.ts'

/** Rows as a CRM shows them beside what the engine holds of them. */

/** Differences that are listed one by one for people; beyond that they are only counted. */
export const LISTED = 5_000

export interface Difference {
  entity: string
  recordId: string | null
  /** A field, or `(row)` where a whole row is missing or unknown. */
  field: string
  canonical: Value
  /** Connection name -> value there. */
  values: Record<string, Value>
  externalId: string
  /** The stored state that explains it; null: nothing does. */
  reason: string | null
}

export interface VerifySummary {
  compared: number
  fields: number
  differences: number
  unexplained: number
  byReason: Record<string, number>
}

export interface Verification extends VerifySummary {
  list: Difference[]
}

export const noVerification = (): Verification => ({
  compared: 0,
  fields: 0,
  differences: 0,
  unexplained: 0,
  byReason: {},
  list: [],
})

function report(out: Verification, d: Difference): void {
  out.differences++
  if (d.reason === null) out.unexplained++
  else out.byReason[d.reason] = (out.byReason[d.reason] ?? 0) + 1
  out.list.push(d)
}

/** Compares rows with the records they are linked to. */
export async function compare(tx: Tx, rt: Runtime, object: string, snapshots: Snapshot[], out: Verification): Promise<void> {
  const known = await knownLinks(
    tx,
    rt,
    object,
    snapshots.map((s) => s.id),
  )
  const recordIds = [...new Set([...known.values()].map((l) => l.recordId).filter((r) => r !== null))]
  const byRecord = new Map((await records.readRecords(tx, recordIds)).map((r) => [r.id, r]))
  const reasons = await storedReasons(tx, rt, [...known.values()])
  const gone = await goneAmong(tx, [...byRecord.values()])
  const refs = await inward(tx, rt, object, snapshots)
  for (const [mapping, members] of Map.groupBy(snapshots, (s) => classify(rt, object, s.row))) {
    if (!mapping) continue
    const readings = await readRows(
      mapping,
      members.map((m) => m.row),
      lensContext(rt, mapping, refs),
    )
    for (const [i, snapshot] of members.entries()) {
      const link = known.get(snapshot.id)
      const record = link?.recordId ? byRecord.get(link.recordId) : undefined
      const row = (reason: string | null): Difference => ({
        entity: mapping.entity,
        recordId: record?.id ?? null,
        field: '(row)',
        canonical: null,
        values: { [rt.name]: snapshot.id },
        externalId: snapshot.id,
        reason,
      })
      if (!link) {
        report(out, row(reasons.waits(snapshot.id) ? 'waiting' : reasons.general(mapping.entity)))
        continue
      }
      if (link.state === 'held' || link.state === 'duplicate') {
        report(out, row(link.state === 'held' ? 'review' : 'duplicate'))
        continue
      }
      if (!record || record.deleted) {
        const kept = record && mapping.document.onDelete !== 'delete'
        report(out, row(record?.frozen ? 'frozen' : kept ? 'unlinked' : reasons.general(mapping.entity)))
        continue
      }
      if (link.state === 'outside') continue
      out.compared++
      for (const field of mapping.fields) {
        if (!field.writes || !field.reads) continue
        const reading = readings[i]!.get(field.name)
        if (!reading) continue
        out.fields++
        const hub = record.fields[field.name]
        const value = 'value' in reading ? reading.value : null
        if ('value' in reading && same(value, hub?.v ?? null)) continue
        const base = link.base[field.name]
        const adjusted = base && 'value' in reading && base.n === (hub?.n ?? 0) && same(base.c, value)
        const reason = reasons.conflict(record.id, field.name)
          ? 'conflict'
          : adjusted
            ? 'adjusted'
            : record.frozen
              ? 'frozen'
              : 'problem' in reading
                ? 'unmapped_value'
                : field.type === 'reference' && isBlank(value) && gone.has(String(hub?.v))
                  ? gone.get(String(hub?.v))!
                  : reasons.of(link, field.name, hub?.v ?? null)
        report(out, {
          entity: mapping.entity,
          recordId: record.id,
          field: field.name,
          canonical: hub?.v ?? null,
          values: { [rt.name]: 'value' in reading ? value : (reading.raw as Value) },
          externalId: snapshot.id,
          reason,
        })
      }
    }
  }
}

/** Linked rows that the complete list does not hold. */
export async function missing(tx: Tx, rt: Runtime, object: string, out: Verification): Promise<void> {
  const live = await rows(
    tx,
    sql<{
      externalId: string
      recordId: string
      entity: string
    }>`select external_id as "externalId", record_id as "recordId", entity from link where connection_id = ${rt.id} and object = ${object} and state = 'live'`,
  )
  const seen = await seenRows(tx, rt.id, object)
  for (const l of live)
    if (!seen.has(l.externalId))
      report(out, {
        entity: l.entity,
        recordId: l.recordId,
        field: '(row)',
        canonical: null,
        values: { [rt.name]: null },
        externalId: l.externalId,
        reason: null,
      })
  // Records that have no row here: waiting for a person, a parent, or permission to write.
  for (const mapping of rt.mappings.filter((m) => m.object === object && m.document.write && m.document.externalId)) {
    const absent = await rows(
      tx,
      sql<{ id: string; reason: string | null }>`
      select record.id, (select case
          when exists (select 1 from dead_letter d join link l on l.id = d.link_id where l.record_id = record.id and l.connection_id = ${rt.id}) then 'dead_letter'
          when exists (select 1 from match m where m.state = 'open' and m.connection_id = ${rt.id} and record.id = any(m.record_ids)) then 'review'
          when record.frozen is not null then 'frozen'
          when exists (select 1 from link l where l.record_id = record.id and l.connection_id = ${rt.id} and l.state = 'withdrawn') then 'undone'
          when exists (select 1 from waiting_out w join link l on l.id = w.link_id where l.record_id = record.id and w.connection_id = ${rt.id}) then 'waiting' end) as reason
      from record where record.entity = ${mapping.entity} and record.deleted_at is null
        and not exists (select 1 from link where link.record_id = record.id and link.connection_id = ${rt.id} and link.state in ('live', 'outside', 'duplicate'))
        -- Rows that all left their filters keep their record, and it is expected nowhere.
        and not (exists (select 1 from link where link.record_id = record.id and link.state = 'outside')
          and not exists (select 1 from link where link.record_id = record.id and link.state in ('live', 'creating')))`,
    )
    const general = (await storedReasons(tx, rt, [])).general
    for (const a of absent)
      report(out, {
        entity: mapping.entity,
        recordId: a.id,
        field: '(row)',
        canonical: null,
        values: { [rt.name]: null },
        externalId: '',
        reason: a.reason ?? general(mapping.entity),
      })
  }
}

async function knownLinks(tx: Tx, rt: Runtime, object: string, ids: string[]): Promise<Map<string, LinkRow>> {
  const found = await links.readLinksByExternal(tx, rt.id, object, ids)
  // Of a row that changed its entity the link counts that it has now.
  return new Map(found.sort((a, b) => Number(a.state === 'live') - Number(b.state === 'live')).map((l) => [l.externalId!, l]))
}
