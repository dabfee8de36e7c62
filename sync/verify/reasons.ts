import { sql } from 'kysely'
import { fieldDef } from '../../mappings/model/model.ts'
import type { Value } from '../../mappings/model/value.ts'
import type { LinkRow, RecordRow } from '../../mappings/state.ts'
import * as conflicts from '../../store/conflicts.ts'
import { rows, type Tx } from '../../store/database.ts'
import * as records from '../../store/records.ts'
import { pausedScopes, writesEnabled } from '../engine.ts'
import type { Runtime } from '../runtime.ts'

/**
 * Records that these point at and that stand no more: where a CRM blanked the reference it comes back with a frozen one
 * when a person keeps it, and stays blank after a delete.
 */
export async function goneAmong(tx: Tx, pointing: RecordRow[]): Promise<Map<string, 'frozen' | 'target_deleted'>> {
  const ids = pointing.flatMap((r) =>
    Object.entries(r.fields).flatMap(([name, f]) =>
      fieldDef(r.entity, name)?.type === 'reference' && typeof f.v === 'string' ? [f.v] : [],
    ),
  )
  const found = await records.readRecords(tx, [...new Set(ids)])
  const gone = new Map<string, 'frozen' | 'target_deleted'>()
  for (const r of found) if (r.frozen !== null || r.deleted) gone.set(r.id, r.frozen === null ? 'target_deleted' : 'frozen')
  return gone
}

/** States stored before the comparison that explain a difference. */
export async function storedReasons(tx: Tx, rt: Runtime, known: LinkRow[]) {
  const recordIds = known.map((l) => l.recordId).filter((r) => r !== null)
  const open = new Set((await conflicts.openConflicts(tx, recordIds)).map((c) => `${c.recordId} ${c.field}`))
  const dead = new Map(
    (
      await conflicts.deadLettersOf(
        tx,
        known.map((l) => l.id),
      )
    ).map((d) => [`${d.linkId} ${d.field}`, d.value]),
  )
  const users = new Set(
    (
      await rows(
        tx,
        sql<{
          subject: string
        }>`select subject from finding where connection_id = ${rt.id} and code = 'unmatched_user'`,
      )
    ).map((f) => f.subject),
  )
  const waiting = new Set(
    (
      await rows(
        tx,
        sql<{
          key: string
        }>`select link_id || ' ' || parent_record as key from waiting_out where connection_id = ${rt.id}`,
      )
    ).map((w) => w.key),
  )
  const inward = new Set(
    (
      await rows(
        tx,
        sql<{
          externalId: string
        }>`select external_id as "externalId" from waiting where connection_id = ${rt.id}`,
      )
    ).map((w) => w.externalId),
  )
  const paused = await pausedScopes(tx)
  const off = !(await writesEnabled(tx, rt.id))
  const braked = new Set(
    (
      await rows(
        tx,
        sql<{
          object: string
        }>`select object from brake where connection_id = ${rt.id} and state = 'waiting'`,
      )
    ).map((b) => b.object),
  )
  const general = (entity: string): string | null =>
    paused.has('all') || paused.has(rt.name) || paused.has(entity)
      ? 'paused'
      : off
        ? 'writing_off'
        : braked.has(entity)
          ? 'brake'
          : null
  return {
    general,
    conflict: (recordId: string, field: string) => open.has(`${recordId} ${field}`),
    waits: (externalId: string) => inward.has(externalId),
    of(link: LinkRow, field: string, value: Value): string | null {
      if (dead.has(`${link.id} ${field}`) || dead.has(`${link.id} (record)`)) return 'dead_letter'
      if (typeof value === 'string' && users.has(value)) return 'unmatched_user'
      if (typeof value === 'string' && waiting.has(`${link.id} ${value}`)) return 'waiting'
      if (inward.has(link.externalId ?? '')) return 'waiting'
      return general(link.entity)
    },
  }
}
