import { randomUUID } from 'node:crypto'
import { ruleEntry } from '../mappings/identity.ts'
import type { Entity } from '../mappings/model/model.ts'
import type { RecordRow } from '../mappings/state.ts'
import * as identity from '../store/identity.ts'
import * as records from '../store/records.ts'
import { type Engine, inTransaction } from './engine.ts'
import { mappingOf } from './runtime.ts'

/** Changes looked at in one transaction. */
const BATCH = 2_000
/** Entries looked at again: one with a lower number may have been committed later. */
const OVERLAP = 500

/**
 * The duplicate check of records that were made, linked or changed since the last one, by the strongest identity rule:
 * living records of one entity that hold the same natural key are listed for review, each set once.
 */
export async function checkMatches(engine: Engine): Promise<number> {
  let listed = 0
  for (;;) {
    const { found, more } = await inTransaction(engine, async (tx) => {
      const since = await identity.checkedUpTo(tx)
      const changes = await records.changesAfter(tx, since - OVERLAP, BATCH)
      const shared = await identity.recordsSharingKeys(tx, [...new Set(changes.map((c) => c.recordId))])
      const firsts = new Map(
        (await records.readRecords(tx, [...new Set(shared.map((s) => s.recordIds[0]!))])).map((r) => [r.id, r]),
      )
      const inserted = await identity.insertPossible(
        tx,
        shared.map((s) => ({
          ...s,
          id: randomUUID(),
          reason: `they share ${whatIsShared(engine, s.connectionId, firsts.get(s.recordIds[0]!)!)}`,
        })),
      )
      const last = changes.at(-1)?.id
      if (last !== undefined) await identity.setCheckedUpTo(tx, last)
      return { found: inserted, more: changes.length === BATCH }
    })
    listed += found
    if (!more) return listed
  }
}

/** The fields of the strongest identity rule with the values that they have in a record, for people. */
function whatIsShared(engine: Engine, connectionId: string, record: RecordRow): string {
  const rt = engine.runtimes.find((r) => r.id === connectionId)
  const rule = (rt && mappingOf(rt, record.entity as Entity)?.document.identity[0]) ?? []
  const parts = rule.map((entry) => {
    const { field } = ruleEntry(entry)
    const value = record.fields[field]?.v
    return typeof value === 'string' ? `${field} ${value}` : field
  })
  return parts.join(' and ') || 'what tells them apart'
}
