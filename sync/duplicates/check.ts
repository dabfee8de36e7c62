import { randomUUIDv7 } from 'node:crypto'
import { ruleEntry } from '../../mappings/identity.ts'
import type { Entity } from '../../mappings/model/model.ts'
import type { RecordRow } from '../../mappings/state.ts'
import type { Tx } from '../../store/database.ts'
import * as identity from '../../store/identity.ts'
import { databaseNow } from '../../store/lanes.ts'
import * as index from '../../store/match-index.ts'
import * as records from '../../store/records.ts'
import * as registrations from '../../store/registrations.ts'
import { type Engine, inTransaction } from '../engine.ts'
import { kindOfEntity, subjectOf } from '../match/canonical.ts'
import { pairKey } from '../match/clusters.ts'
import { type Explanation, explain } from '../match/explain.ts'
import type { Subject } from '../match/subject.ts'
import { releaseLost } from '../registrations/clock.ts'
import { mappingOf } from '../runtime.ts'
import { indexRecords } from './index-records.ts'
import { lookFor } from './look.ts'

/** The duplicate check: records that were made, linked or changed are compared with what is like them. */

/** Entities of which two records can be one thing and are listed for a person. */
const CHECKED: readonly Entity[] = ['account', 'partner', 'contact']
/** Entities whose coming and going can change what is to be said about registrations. */
const RIVALS: readonly Entity[] = ['account', 'lead', 'deal']
/** Records looked at in one transaction: embedded, everything else waits meanwhile. */
const BATCH = 100

export interface Checked {
  /** Possible duplicates that are new. */
  listed: number
  /** Records that were looked at. */
  looked: number
  /** Whether more wait, or another check is under way. */
  more: boolean
}

/** One turn of the check: the records that wait longest. One that cannot be checked is told of, and stops no other. */
export async function checkDuplicates(engine: Engine): Promise<Checked> {
  const due = await inTransaction(engine, (tx) => index.dueRecords(tx, BATCH))
  const done = await checkPiece(engine, due)
  return done ? { ...done, more: due.length === BATCH } : { listed: 0, looked: 0, more: true }
}

/** @returns undefined while another check is under way. */
async function checkPiece(engine: Engine, due: readonly index.Due[]): Promise<Omit<Checked, 'more'> | undefined> {
  try {
    return await checkRecords(engine, due)
  } catch (error) {
    if (due.length > 1) {
      const half = Math.ceil(due.length / 2)
      const first = await checkPiece(engine, due.slice(0, half))
      const second = first && (await checkPiece(engine, due.slice(half)))
      return second && { listed: first.listed + second.listed, looked: first.looked + second.looked }
    }
    const [one] = due
    engine.log('error', `record ${one?.recordId} cannot be checked for duplicates and is left out: ${(error as Error).message}`, {
      stack: (error as Error).stack,
    })
    await inTransaction(engine, (tx) => index.finishDue(tx, due))
    return { listed: 0, looked: due.length }
  }
}

/**
 * Records are put into the index and looked up in the same transaction, one check of a workspace at a time: of two
 * records that were made at the same moment, the one that is looked at later finds the other.
 */
async function checkRecords(engine: Engine, due: readonly index.Due[]): Promise<Omit<Checked, 'more'> | undefined> {
  return inTransaction(engine, async (tx) => {
    if (!(await index.holdMatching(tx))) return undefined
    const read = await records.readRecords(
      tx,
      due.map((d) => d.recordId),
    )
    const changed = await indexRecords(
      tx,
      // A registration is put into the index by its own check, under its own locks.
      read.filter((r) => r.entity !== 'registration'),
    )
    const byId = new Map(read.map((r) => [r.id, r]))
    const possible: identity.Possible[] = []
    for (const entity of CHECKED) {
      const asked = [...changed].flatMap(([id, subject]) => (byId.get(id)?.entity === entity ? [{ entity, subject }] : []))
      possible.push(...(await likenesses(tx, entity, asked, byId)))
      possible.push(
        ...(await sharedKeys(
          tx,
          engine,
          read.filter((r) => r.entity === entity && !r.deleted),
          possible,
        )),
      )
    }
    const listed = await identity.insertPossible(tx, possible)
    await registrations.demandChecks(
      tx,
      read.filter((r) => r.entity === 'registration').map((r) => r.id),
    )
    await askRegistrations(tx, byId, changed)
    await releaseLost(
      tx,
      engine,
      read.filter((r) => r.entity === 'deal' && (r.deleted || r.fields.stage?.v === 'lost')).map((r) => r.id),
      await databaseNow(tx),
    )
    await index.finishDue(tx, due)
    return { listed, looked: due.length }
  })
}

async function likenesses(
  tx: Tx,
  entity: Entity,
  asked: { entity: Entity; subject: Subject }[],
  byId: ReadonlyMap<string, RecordRow>,
): Promise<identity.Possible[]> {
  const found = new Map<string, identity.Possible>()
  // Kept with the score, so that what answers say later can be told from what they had said before.
  const { [kindOfEntity(entity)]: shift = 0 } = await index.shifts(tx)
  for (const [id, likes] of await lookFor(tx, asked, [entity], { counted: true }))
    for (const { pair, record } of likes) {
      const told = explain(pair)
      if (told.verdict === 'distinct' || areNamesakes(byId.get(id)!, record, told)) continue
      found.set(pairKey(id, record.id), possible(entity, [id, record.id], told.sentence, { ...told, shift }))
    }
  return [...found.values()]
}

/** Two people of one name who work for two companies, and share nothing but the name. */
const areNamesakes = (a: RecordRow, b: RecordRow, told: Explanation): boolean =>
  a.entity === 'contact' &&
  typeof a.fields.account?.v === 'string' &&
  typeof b.fields.account?.v === 'string' &&
  a.fields.account.v !== b.fields.account.v &&
  !told.evidence.some((e) => (e.comparison === 'email' || e.comparison === 'phone') && e.level === 'same')

const possible = (
  entity: string,
  ids: string[],
  reason: string,
  explanation: (Explanation & { shift: number }) | null,
): identity.Possible => ({
  id: randomUUIDv7(),
  entity,
  recordIds: ids.sort(),
  reason,
  explanation,
})

/** Records that hold the same natural key by the mapping's strongest rule are listed, whatever else they hold. */
async function sharedKeys(
  tx: Tx,
  engine: Engine,
  read: RecordRow[],
  known: readonly identity.Possible[],
): Promise<identity.Possible[]> {
  const listed = new Set(known.map((p) => p.recordIds.join(' ')))
  const shared = await identity.recordsSharingKeys(
    tx,
    read.map((r) => r.id),
  )
  const firsts = new Map((await records.readRecords(tx, [...new Set(shared.map((s) => s.recordIds[0]!))])).map((r) => [r.id, r]))
  return shared.flatMap((s) => {
    const ids = s.recordIds.toSorted()
    if (listed.has(ids.join(' '))) return []
    return [possible(s.entity, ids, `they share ${whatIsShared(engine, s.connectionId, firsts.get(s.recordIds[0]!)!)}`, null)]
  })
}

/** The fields of the strongest identity rule with the values that they have in a record, for people. */
function whatIsShared(engine: Engine, connectionId: string, record: RecordRow): string {
  const rt = engine.runtimes.find((r) => r.id === connectionId)
  const rule = (rt && mappingOf(rt, record.entity)?.document.identity[0]) ?? []
  const parts = rule.map((entry) => {
    const { field } = ruleEntry(entry)
    const value = record.fields[field]?.v
    return typeof value === 'string' ? `${field} ${value}` : field
  })
  return parts.join(' and ') || 'what tells them apart'
}

/** Registrations that are about what has come or changed are looked at once more. */
async function askRegistrations(
  tx: Tx,
  byId: ReadonlyMap<string, RecordRow>,
  changed: ReadonlyMap<string, Subject>,
): Promise<void> {
  if (!(await registrations.areThere(tx))) return
  // Of a deal its account counts.
  const accounts = [...byId.values()].flatMap((r) => {
    const account = r.entity === 'deal' ? r.fields.account?.v : r.entity === 'account' && !changed.has(r.id) ? r.id : undefined
    return typeof account === 'string' ? [account] : []
  })
  const more = (await records.readRecords(tx, [...new Set(accounts)])).flatMap((r) => {
    const subject = subjectOf(r.entity, r.id, r.fields)
    return subject ? [{ entity: r.entity, subject }] : []
  })
  const asked = [...changed].flatMap(([id, subject]) => {
    const { entity } = byId.get(id)!
    return RIVALS.includes(entity) ? [{ entity, subject }] : []
  })
  const ids = new Set<string>()
  for (const subjects of [asked, more].filter((x) => x.length > 0))
    for (const likes of (await lookFor(tx, subjects, ['registration'], { counted: true })).values())
      for (const { pair, record } of likes) if (explain(pair).verdict !== 'distinct') ids.add(record.id)
  await registrations.demandChecks(tx, [...ids])
}
