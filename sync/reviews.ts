import * as answers from '../store/answers.ts'
import type { Tx } from '../store/database.ts'
import * as links from '../store/links.ts'
import * as queues from '../store/queues.ts'
import * as records from '../store/records.ts'
import { EditRefused } from './edit.ts'
import type { Engine } from './engine.ts'
import { mergeInto } from './golden/merge.ts'

/** What a person says about a match: the same thing, or not. */

/** `same` names the record that the row is; it may be left out where only one is asked about. */
export type MatchAnswer = { same: string | true } | { different: true }

/**
 * Settles a review. The row is read again and goes the way that was said: linked to the record, listed as a second row of
 * it where it has one already, or made a record of its own. What was said is kept, and holds for later questions too.
 *
 * @throws EditRefused when there is no such match, it is settled, or the answer does not fit it.
 */
export async function settleMatch(tx: Tx, engine: Engine, id: string, answer: MatchAnswer): Promise<void> {
  const match = await answers.lockMatch(tx, id)
  if (!match) throw new EditRefused('not_found', `there is no match ${id}`)
  await settle(tx, engine, match, answer)
}

/** Reviews that are settled in one transaction. */
const PAGE = 500

/**
 * Settles all reviews of an entity or a connection. Those that the answer does not fit (several records are asked about,
 * or records of their own) are left.
 *
 * @returns `next`: where to go on, when there may be more.
 */
export async function settleMatches(
  tx: Tx,
  engine: Engine,
  which: { entity?: string | undefined; connectionId?: string | undefined; after?: string | undefined },
  answer: { same: true } | { different: true },
): Promise<{ settled: number; left: number; next: string | undefined }> {
  let settled = 0
  let left = 0
  const found = await answers.openMatches(tx, { ...which, limit: PAGE })
  for (const match of found) {
    try {
      // Nobody has looked at each of them: only what the match engine is sure of becomes one.
      if ('same' in answer && match.state === 'possible' && match.verdict !== 'duplicate')
        throw new EditRefused('invalid', 'look at it')
      await settle(tx, engine, match, answer)
      settled++
    } catch (error) {
      if (!(error instanceof EditRefused)) throw error
      left++
    }
  }
  return { settled, left, next: found.length === PAGE ? found.at(-1)!.id : undefined }
}

async function settle(tx: Tx, engine: Engine, match: answers.MatchRow, answer: MatchAnswer): Promise<void> {
  const { id, connectionId, object, externalId, recordIds } = match
  if (match.state !== 'open' && match.state !== 'possible')
    throw new EditRefused('settled', `match ${id} is ${match.state} already: nothing is changed`)
  // Two answers about one record at the same moment: the second sees what the first has settled.
  const locked = new Map((await records.lockRecords(tx, [...recordIds].sort())).map((r) => [r.id, r]))
  const said = (recordId: string, same: boolean): answers.Answer => ({ connectionId, object, externalId, recordId, same })
  if ('different' in answer) {
    await answers.changeMatch(tx, id, 'rejected')
    if (match.state === 'possible') return
    await answers.putAnswers(
      tx,
      recordIds.map((r) => said(r, false)),
    )
    await goOn(tx, engine, match, recordIds)
    return
  }
  if (match.state === 'possible') return unite(tx, engine, match, answer.same)
  const chosen = answer.same === true ? recordIds.length === 1 && recordIds[0] : answer.same
  if (!chosen)
    throw new EditRefused('invalid', `match ${id} asks about ${recordIds.length} records: say which (${recordIds.join(', ')})`)
  if (!recordIds.includes(chosen)) throw new EditRefused('invalid', `match ${id} does not ask about record ${chosen}`)
  const record = locked.get(chosen)
  if (!record || record.deleted)
    throw new EditRefused('conflict', `record ${chosen} was deleted: reject the match, and the row becomes a record of its own`)
  const rows = await links.readLinksByExternal(tx, connectionId, object, [externalId])
  if (rows.some((l) => l.state !== 'held' && l.state !== 'dead'))
    throw new EditRefused(
      'conflict',
      `row ${externalId} is linked already, as ${rows.find((l) => l.state !== 'held' && l.state !== 'dead')!.entity}: change in its CRM what it is, or reject the match`,
    )
  await answers.changeMatch(tx, id, 'accepted')
  await answers.putAnswers(
    tx,
    recordIds.map((r) => said(r, r === chosen)),
  )
  await goOn(
    tx,
    engine,
    match,
    recordIds.filter((r) => r !== chosen),
  )
}

/** Records of their own become one: the one that was named, or the oldest, stays, and takes the others' values where it has none. */
async function unite(tx: Tx, engine: Engine, match: answers.MatchRow, keep: string | true): Promise<void> {
  const standing = (await records.readRecords(tx, match.recordIds)).filter((r) => !r.deleted)
  const survivor = keep === true ? standing.toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))[0]?.id : keep
  if (!survivor || !standing.some((r) => r.id === survivor))
    throw new EditRefused('invalid', `match ${match.id} does not ask about record ${survivor}`)
  if (standing.length < 2) throw new EditRefused('settled', `of match ${match.id} only one record is left: nothing is changed`)
  for (const { id } of standing)
    if (id !== survivor)
      await mergeInto(tx, engine, {
        survivorId: survivor,
        otherId: id,
        by: `match ${match.id}`,
        choice: { rules: { default: 'first' }, manual: {} },
      })
  await answers.changeMatch(tx, match.id, 'accepted')
}

/** The row is read again; records that it is not, and that have no row there, get one of their own. */
async function goOn(tx: Tx, engine: Engine, match: answers.MatchRow, others: string[]): Promise<void> {
  const { connectionId, object, externalId, entity } = match
  await answers.releaseHeld(tx, connectionId, object, externalId)
  await queues.touchInbox(tx, connectionId, [{ object, externalId }], 'a person said what it is')
  const rt = engine.runtimes.find((r) => r.id === connectionId)
  const mapping = rt?.mappings.find((m) => m.entity === entity)
  if (!mapping?.document.write || !mapping.document.externalId) return
  await links.fanOut(tx, connectionId, object, entity, others)
  await queues.touchOutbox(tx, others)
}
