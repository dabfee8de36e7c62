import { sql } from 'kysely'
import { chunks, type Snapshot } from '../../connectors/connector.ts'
import type { CompiledMapping } from '../../mappings/compile.ts'
import { ruleEntry } from '../../mappings/identity.ts'
import { readRows } from '../../mappings/lens.ts'
import { type Finding, putFindings } from '../../store/conflicts.ts'
import { rows, type Tx } from '../../store/database.ts'
import * as identity from '../../store/identity.ts'
import * as lanes from '../../store/lanes.ts'
import { applySnapshots } from '../apply.ts'
import type { ApplyContext } from '../batch.ts'
import { inTransaction } from '../engine.ts'
import { keysOf } from '../reading.ts'
import { inward } from '../references.ts'
import { classify, columnsOf, lensContext, mappingsOf, type Runtime } from '../runtime.ts'
import { beginPolling, endFirstRead, tellOthers } from './end-first-read.ts'
import { add, BATCH, beginRead, commit, isRead, type PullWork, withAssociations } from './work.ts'

/**
 * The first complete reads. The first connection's rows become records as they come. A later connection stages
 * its lists at the same time, and matches an object's rows once the earlier connections have read theirs: only
 * then can it be told which match is the only one. Answers whether the turn ended before the work did.
 */
export async function firstReads(work: PullWork): Promise<boolean> {
  const { rt } = work
  const listing = new Map<string, Promise<boolean>>()
  let before: Promise<boolean> = Promise.resolve(true)
  for (const object of rt.objects) {
    // One after another; what fails is thrown where it is awaited.
    before = before.then((through) => through && listed(work, object))
    before.catch(() => {})
    listing.set(object, before)
  }
  try {
    for (const object of rt.objects) {
      if (isRead(work, object)) continue
      if (!(await listing.get(object)!)) return true
      if (isRead(work, object)) continue
      if (!(await mayMatch(work, object))) break
      const state = work.objects[object]!
      if (state.phase === 'key' && !(await keyStaged(work, object, state))) return true
      if (state.phase === 'link') {
        // Matched or not: the turn ends, and what others wait for in this object comes first in the next.
        await linkStaged(work, object, state)
        return true
      }
    }
    return !(await before)
  } finally {
    // The turn ends when nothing of it runs any more.
    await before.catch(() => {})
  }
}

/** Whether an object's rows can match nothing: this is the first connection, and no other has linked such rows. */
async function isAlone(work: PullWork, object: string): Promise<boolean> {
  const { engine, rt } = work
  if (engine.runtimes.some((other) => other.position < rt.position)) return false
  const entities = mappingsOf(rt, object).map((m) => m.entity)
  const [others] = await inTransaction(engine, (tx) =>
    rows(
      tx,
      sql<{
        any: boolean
      }>`select exists (select 1 from link where connection_id <> ${rt.id} and external_id is not null and entity = any(${entities}::text[])) as any`,
    ),
  )
  return !others!.any
}

/** A later connection matches an object's rows once the earlier ones have read what they are matched against. */
async function mayMatch(work: PullWork, object: string): Promise<boolean> {
  const { engine, rt } = work
  const entities = rt.mappings.filter((m) => m.object === object).map((m) => m.entity)
  return inTransaction(engine, async (tx) => {
    for (const other of engine.runtimes) {
      if (other.position >= rt.position) continue
      const objects = await lanes.readObjects(tx, other.id)
      for (const m of other.mappings) if (entities.includes(m.entity) && objects[m.object]?.phase !== 'poll') return false
    }
    return true
  })
}

/** Reads an object's complete list, or goes on with it. Answers whether it is through. */
async function listed(work: PullWork, object: string): Promise<boolean> {
  const known = work.objects[object]
  if (known && known.phase !== 'list') return true
  if (Date.now() >= work.until) return false
  const alone = await isAlone(work, object)
  const ctx = await beginRead(work, alone)
  const state: lanes.ObjectState = known ?? lanes.objectStateSchema.parse({ phase: 'list', began: 0, done: ctx.began })
  work.objects[object] = state
  return list(work, object, state, ctx, alone)
}

/** Pages of the complete list, read ahead while the rows before them are merged. */
async function list(
  work: PullWork,
  object: string,
  state: lanes.ObjectState,
  ctx: ApplyContext,
  alone: boolean,
): Promise<boolean> {
  const { rt } = work
  const columns = columnsOf(rt, object)
  const gather = async (after: string | undefined) => {
    const found: Snapshot[] = []
    let next = after
    do {
      const page = await rt.connector.list({ object, columns, after: next })
      found.push(...page.snapshots)
      next = page.after
    } while (next && found.length < BATCH)
    return { snapshots: await withAssociations(rt, object, found), next }
  }
  let ahead = gather(state.after)
  // While one page's rows are stored the next one's are made ready; their cursors are stored in order.
  let before: Promise<void> = Promise.resolve()
  let progress = state
  try {
    for (;;) {
      const { snapshots, next } = await ahead
      // What was read ahead is used: once the turn's time is up, nothing more is read. Until it is awaited a failure of
      // the read ahead is nobody's; it is looked at on the next turn.
      const following = next && Date.now() < work.until ? gather(next) : undefined
      following?.catch(() => {})
      const after: lanes.ObjectState = {
        ...progress,
        // The list began when the CRM first answered: the first poll goes on from there.
        began: progress.began || (snapshots[0]?.clock ?? 0),
        after: next,
        listed: progress.listed + snapshots.length,
        phase: next ? 'list' : alone ? 'poll' : keysNeedParents(rt, object) ? 'key' : 'link',
      }
      if (!next && alone) Object.assign(after, beginPolling(rt, after))
      progress = after
      const last = before
      const stored = commit(
        work,
        async (tx) => {
          const later: Finding[] = []
          if (alone)
            for (const piece of chunks(snapshots, BATCH))
              add(work.counts, (await applySnapshots(tx, { ...ctx, settled: false, later }, object, piece)).counts)
          else await stageRows(tx, rt, object, snapshots)
          // A page counts as read when those before it do.
          await last
          await putFindings(tx, rt.id, later)
          if (!next && alone) await endFirstRead(tx, work, object, after)
          else await lanes.saveObject(tx, rt.id, object, after)
        },
        alone ? 0 : snapshots.length,
      ).then(() => void Object.assign(state, after))
      stored.catch(() => {})
      await last
      before = stored
      if (!following) {
        await stored
        if (after.phase === 'poll') tellOthers(work)
        return !next
      }
      ahead = following
    }
  } finally {
    await before
  }
}

/** Keeps rows until the whole list is there, with the natural keys that need no other record to be known. */
async function stageRows(tx: Tx, rt: Runtime, object: string, snapshots: Snapshot[]): Promise<void> {
  await identity.stage(
    tx,
    rt.id,
    object,
    snapshots.map((snapshot) => ({ externalId: snapshot.id, snapshot })),
  )
  if (!keysNeedParents(rt, object)) await storeKeys(tx, rt, object, snapshots)
}

/** Whether rows of an object are told apart by records they point at, which are linked before them. */
const keysNeedParents = (rt: Runtime, object: string): boolean =>
  mappingsOf(rt, object).some((m) =>
    m.document.identity.some((rule) => rule.some((entry) => m.byName.get(ruleEntry(entry).field)?.type === 'reference')),
  )

async function storeKeys(tx: Tx, rt: Runtime, object: string, snapshots: Snapshot[]): Promise<void> {
  const references = await inward(tx, rt, object, snapshots)
  for (const [mapping, members] of Map.groupBy(snapshots, (s) => classify(rt, object, s.row))) {
    if (!mapping) continue
    const readings = await readRows(
      mapping,
      members.map((m) => m.row),
      lensContext(rt, mapping, references),
      identityFields(mapping),
    )
    await identity.putKeys(
      tx,
      rt.id,
      object,
      members.map((m) => m.id),
      members.flatMap((m, i) => keysOf(mapping, m.id, readings[i]!)),
      true,
    )
  }
}

const identityFields = (mapping: CompiledMapping): Set<string> =>
  new Set(mapping.document.identity.flat().map((entry) => ruleEntry(entry).field))

/** Stores the keys of staged rows whose parents are linked by now. */
async function keyStaged(work: PullWork, object: string, state: lanes.ObjectState): Promise<boolean> {
  const { engine, rt } = work
  for (;;) {
    const staged = await inTransaction(engine, (tx) => identity.takeStaged<Snapshot>(tx, rt.id, object, BATCH, state.keyed))
    const keyed = staged.at(-1)?.externalId
    const after: lanes.ObjectState = keyed === undefined ? { ...state, phase: 'link' } : { ...state, keyed }
    await commit(work, async (tx) => {
      await storeKeys(
        tx,
        rt,
        object,
        staged.map((s) => s.snapshot),
      )
      await lanes.saveObject(tx, rt.id, object, after)
    })
    Object.assign(state, after)
    if (keyed === undefined) return true
    if (Date.now() >= work.until) return false
  }
}

async function linkStaged(work: PullWork, object: string, state: lanes.ObjectState): Promise<boolean> {
  const { engine, rt } = work
  for (;;) {
    const staged = await inTransaction(engine, (tx) => identity.takeStaged<Snapshot>(tx, rt.id, object, BATCH))
    if (staged.length > 0) {
      const ctx = { ...(await beginRead(work)), keysStored: true, settled: false }
      await commit(work, async (tx) => {
        const applied = await applySnapshots(
          tx,
          ctx,
          object,
          staged.map((s) => s.snapshot),
        )
        add(work.counts, applied.counts)
        await identity.dropStaged(
          tx,
          rt.id,
          object,
          staged.map((s) => s.externalId),
        )
      })
      if (Date.now() >= work.until) return false
      continue
    }
    const after: lanes.ObjectState = { ...state, ...beginPolling(rt, state) }
    await commit(work, async (tx) => {
      await endFirstRead(tx, work, object, after)
    })
    Object.assign(state, after)
    tellOthers(work)
    return true
  }
}
