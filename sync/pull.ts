import { sql } from 'kysely'
import { chunks, type Snapshot } from '../connectors/connector.ts'
import { CrmError } from '../connectors/errors.ts'
import { readRows } from '../mappings/lens.ts'
import { rows, type Tx } from '../store/database.ts'
import * as identity from '../store/identity.ts'
import * as lanes from '../store/lanes.ts'
import * as links from '../store/links.ts'
import * as queues from '../store/queues.ts'
import { type ApplyContext, applySnapshots, type Counts, keysOf, noCounts } from './apply.ts'
import { type Engine, flightOf, inTransaction, storeCalls } from './engine.ts'
import { inward } from './references.ts'
import { associationColumnsOf, classify, columnsOf, lensContext, type Runtime } from './runtime.ts'

/** Rows merged in one transaction. */
const BATCH = 1_000
/** How long one turn of a lane lasts before others get theirs. */
const SLICE_MS = 5_000

export interface PullResult {
  counts: Counts
  /** Work is left that can be done at once. */
  more: boolean
  /** The first complete reads are through. */
  synced: boolean
}

interface Work {
  engine: Engine
  rt: Runtime
  fence: number
  objects: lanes.LaneObjects
  counts: Counts
  runId: string | null
  until: number
}

/** One turn of a pull lane: the inbox, then each object's next step. (Protocol: Pull.) */
export async function pullSlice(
  engine: Engine,
  rt: Runtime,
  runId: string | null = null,
  sliceMs = SLICE_MS,
): Promise<PullResult> {
  const lane = await inTransaction(engine, (tx) => lanes.takeLane(tx, rt.id, 'pull'))
  const work: Work = {
    engine,
    rt,
    fence: lane.fence,
    objects: lane.objects,
    counts: noCounts(),
    runId,
    until: Date.now() + sliceMs,
  }
  let more = await pullInbox(work)
  for (const object of rt.objects) {
    const state = work.objects[object]
    if (state?.phase === 'poll') continue
    if (!(await mayBegin(work, object))) break
    if (!(await firstRead(work, object))) {
      more = Date.now() >= work.until
      break
    }
  }
  const polled = rt.objects.filter((o) => work.objects[o]?.phase === 'poll')
  if (polled.length > 0 && Date.now() < work.until) more = (await poll(work, polled)) || more
  for (const object of polled) if (Date.now() < work.until) more = (await scan(work, object)) || more
  await inTransaction(engine, (tx) => storeCalls(tx, rt))
  return { counts: work.counts, more, synced: rt.objects.every((o) => work.objects[o]?.phase === 'poll') }
}

/** What a read is applied under; drawn before its request leaves. */
async function beginRead(work: Work, alone = false): Promise<ApplyContext> {
  const { engine, rt } = work
  return inTransaction(engine, async (tx) => {
    const ready = new Set<string>()
    for (const other of engine.runtimes) {
      const objects = other.id === rt.id ? work.objects : await lanes.readLane(tx, other.id, 'pull')
      if (other.objects.every((o) => objects[o]?.phase === 'poll')) ready.add(other.id)
    }
    const now = await lanes.databaseNow(tx)
    return {
      rt,
      all: engine.runtimes,
      runId: work.runId,
      ticket: await links.drawTicket(tx),
      began: now,
      now,
      flightMs: flightOf(engine, rt),
      alone,
      ready,
    }
  })
}

function add(into: Counts, more: Counts): void {
  for (const key of Object.keys(more) as (keyof Counts)[]) into[key] += more[key]
}

/** Puts association columns into rows that were read without them. */
export async function withAssociations(rt: Runtime, object: string, snapshots: Snapshot[]): Promise<Snapshot[]> {
  const columns = associationColumnsOf(rt, object)
  if (!rt.connector.associationsApart || columns.length === 0) return snapshots
  const living = snapshots.filter((s) => !s.deleted)
  const found = new Map<string, Snapshot['row']>()
  for (const piece of chunks(living, rt.connector.batch.associations))
    for (const [id, row] of await rt.connector.readAssociations({
      object,
      ids: piece.map((s) => s.id),
      columns,
    }))
      found.set(id, row)
  return snapshots.map((s) => ({ ...s, row: { ...s.row, ...found.get(s.id) } }))
}

// --- inbox ------------------------------------------------------------------------------------------

async function pullInbox(work: Work): Promise<boolean> {
  const { engine, rt } = work
  const claimed = await inTransaction(engine, (tx) => queues.claimInbox(tx, rt.id, 500))
  if (claimed.length === 0) return false
  const standing = new Set<string>()
  // Parents first: a child is then judged by what became of its parent.
  const byObject = [...Map.groupBy(claimed, (c) => c.object)].sort(([a], [b]) => rt.objects.indexOf(a) - rt.objects.indexOf(b))
  for (const [object, inboxRows] of byObject) {
    if (!rt.objects.includes(object)) {
      await inTransaction(engine, (tx) => queues.finishInbox(tx, rt.id, inboxRows))
      continue
    }
    for (const piece of chunks(inboxRows, rt.connector.batch.readByIds)) {
      const ctx = await beginRead(work)
      const read = await rt.connector.readByIds({
        object,
        ids: piece.map((p) => p.externalId),
        columns: columnsOf(rt, object),
      })
      const snapshots = await withAssociations(rt, object, read)
      // An id that nobody knows any more was deleted for good.
      const known = new Set(snapshots.flatMap((s) => [s.id, s.asked]))
      const gone = piece
        .filter((p) => !known.has(p.externalId))
        .map(
          (p): Snapshot => ({
            asked: p.externalId,
            id: p.externalId,
            version: 0,
            clock: 0,
            deleted: true,
            row: {},
          }),
        )
      await commit(work, async (tx) => {
        await queues.finishInbox(tx, rt.id, piece)
        add(work.counts, (await applySnapshots(tx, { ...ctx, standing }, object, [...snapshots, ...gone])).counts)
      })
      for (const s of snapshots) if (!s.deleted) standing.add(s.id)
    }
  }
  return claimed.length === 500
}

/** @param staged rows that this transaction staged. */
async function commit(work: Work, body: (tx: Tx) => Promise<void>, staged = 0): Promise<void> {
  const made = (c: Counts) => c.created + c.linked + c.review
  const before = made(work.counts)
  await inTransaction(work.engine, async (tx) => {
    await lanes.holdFence(tx, work.rt.id, 'pull', work.fence)
    await body(tx)
  })
  await work.engine.db.grew(made(work.counts) - before + staged)
  for (const other of work.engine.runtimes) work.engine.nudge(other.id, 'push')
}

// --- first complete read ----------------------------------------------------------------------------

/** A later connection waits until the earlier ones have read what this object's rows are matched against. */
async function mayBegin(work: Work, object: string): Promise<boolean> {
  const { engine, rt } = work
  const entities = rt.mappings.filter((m) => m.object === object).map((m) => m.entity)
  return inTransaction(engine, async (tx) => {
    for (const other of engine.runtimes) {
      if (other.position >= rt.position) continue
      const objects = await lanes.readLane(tx, other.id, 'pull')
      for (const m of other.mappings) if (entities.includes(m.entity) && objects[m.object]?.phase !== 'poll') return false
    }
    return true
  })
}

/** Reads an object completely, matches its rows, and goes over to polling. Answers whether it is through. */
async function firstRead(work: Work, object: string): Promise<boolean> {
  const { engine, rt } = work
  const fresh = !work.objects[object]
  const state: lanes.ObjectState = work.objects[object] ?? lanes.objectStateSchema.parse({ phase: 'list' })
  work.objects[object] = state
  const others = await inTransaction(engine, (tx) =>
    rows(
      tx,
      sql<{
        any: boolean
      }>`select exists (select 1 from link where connection_id <> ${rt.id} and external_id is not null) as any`,
    ),
  )
  const alone = !others[0]!.any
  if (state.phase === 'list') {
    const ctx = await beginRead(work, alone)
    if (fresh) Object.assign(state, { began: 0, done: ctx.began })
    if (!(await list(work, object, state, ctx, alone))) return false
  }
  if (state.phase === 'link' && !(await linkStaged(work, object, state))) return false
  return true
}

/** Pages of the complete list, read ahead while the rows before them are merged. */
async function list(work: Work, object: string, state: lanes.ObjectState, ctx: ApplyContext, alone: boolean): Promise<boolean> {
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
  for (;;) {
    const { snapshots, next } = await ahead
    // Until it is awaited a failure of the read ahead is nobody's; it is looked at on the next turn.
    const following = next ? gather(next) : undefined
    following?.catch(() => {})
    // The list began when the CRM first answered: the first poll goes on from there.
    if (state.began === 0 && snapshots[0]) state.began = snapshots[0].clock
    const after: lanes.ObjectState = {
      ...state,
      after: next,
      listed: state.listed + snapshots.length,
      phase: next ? 'list' : alone ? 'poll' : 'link',
    }
    if (!next && alone) Object.assign(after, beginPolling(rt, state))
    await commit(
      work,
      async (tx) => {
        if (alone)
          for (const piece of chunks(snapshots, BATCH))
            add(work.counts, (await applySnapshots(tx, { ...ctx }, object, piece)).counts)
        else await stageRows(tx, rt, object, snapshots)
        if (!next && alone) await openForWriting(tx, work, object)
        await lanes.saveObject(tx, rt.id, object, after)
      },
      alone ? 0 : snapshots.length,
    )
    Object.assign(state, after)
    if (!following) return true
    if (Date.now() >= work.until) {
      await following.catch(() => undefined)
      return false
    }
    ahead = following
  }
}

const beginPolling = (rt: Runtime, state: lanes.ObjectState): Partial<lanes.ObjectState> => ({
  phase: 'poll',
  scanAt: state.done,
  overlapAt: state.done,
  after: undefined,
  cursor: { version: Math.max(0, (state.began || Date.now()) - rt.connector.overlapMs), id: '' },
})

/** Keeps rows until the whole list is there: only then can it be told which match is the only one. */
async function stageRows(tx: Tx, rt: Runtime, object: string, snapshots: Snapshot[]): Promise<void> {
  await identity.stage(
    tx,
    rt.id,
    object,
    snapshots.map((snapshot) => ({ externalId: snapshot.id, snapshot })),
  )
  const references = await inward(tx, rt, object, snapshots)
  for (const [mapping, members] of Map.groupBy(snapshots, (s) => classify(rt, object, s.row))) {
    if (!mapping) continue
    const readings = await readRows(
      mapping,
      members.map((m) => m.row),
      lensContext(rt, mapping, references),
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

async function linkStaged(work: Work, object: string, state: lanes.ObjectState): Promise<boolean> {
  const { engine, rt } = work
  for (;;) {
    const staged = await inTransaction(engine, (tx) => identity.takeStaged<Snapshot>(tx, rt.id, object, BATCH))
    if (staged.length > 0) {
      const ctx = { ...(await beginRead(work)), keysStored: true }
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
      await openForWriting(tx, work, object)
      await lanes.saveObject(tx, rt.id, object, after)
    })
    Object.assign(state, after)
    return true
  }
}

/** An object is read: records without a row there get creating links, on this side and on the others. */
async function openForWriting(tx: Tx, work: Work, object: string): Promise<void> {
  const { engine, rt } = work
  await queues.wakeLinked(tx, rt.id)
  for (const mapping of rt.mappings.filter((m) => m.object === object)) {
    if (mapping.document.write && mapping.document.externalId && engine.runtimes.length > 1)
      await fanOutHere(tx, work, rt, mapping.object, mapping.entity)
    for (const other of engine.runtimes) {
      const theirs = other.mappings.find((m) => m.entity === mapping.entity)
      if (other.id === rt.id || !theirs?.document.write || !theirs.document.externalId) continue
      const objects = await lanes.readLane(tx, other.id, 'pull')
      if (objects[theirs.object]?.phase === 'poll') await links.fanOut(tx, other.id, theirs.object, theirs.entity)
    }
  }
}

/** Only when every other connection has been read too: before that a record may still find its row here. */
async function fanOutHere(tx: Tx, work: Work, rt: Runtime, object: string, entity: string): Promise<void> {
  for (const other of work.engine.runtimes) {
    if (other.id === rt.id || !other.mappings.some((m) => m.entity === entity)) continue
    const objects = await lanes.readLane(tx, other.id, 'pull')
    if (other.mappings.some((m) => m.entity === entity && objects[m.object]?.phase !== 'poll')) return
  }
  await links.fanOut(tx, rt.id, object, entity)
}

// --- polling ----------------------------------------------------------------------------------------

/** Asks what changed since the cursors; answers whether more is waiting. */
async function poll(work: Work, objects: string[]): Promise<boolean> {
  const { engine, rt } = work
  // Creates wait for a pull that began after their record came to be.
  const youngest = await inTransaction(engine, (tx) =>
    rows(
      tx,
      sql<{
        at: number | null
      }>`select max(extract(epoch from record.created_at) * 1000)::bigint as at from outbox join link on link.id = outbox.link_id
        join record on record.id = link.record_id where outbox.connection_id = ${rt.id} and link.state = 'creating' and link.open_write is null`,
    ),
  )
  let more = false
  for (const group of chunks(objects, rt.connector.batch.changes)) {
    const ctx = await beginRead(work)
    // An object that never had a row is asked only when its overlap is due: idle objects cost little.
    const due = group.filter(
      (o) => work.objects[o]!.listed > 0 || ctx.began - work.objects[o]!.overlapAt >= engine.timing.overlapEvery,
    )
    if (due.length === 0) continue
    const requests = due.map((object) => {
      const state = work.objects[object]!
      // The overlap behind the cursor finds what became visible late.
      const overlap =
        ctx.began - state.overlapAt >= engine.timing.overlapEvery ||
        (youngest[0]!.at !== null && youngest[0]!.at + engine.timing.hold(rt, 'deal') >= state.done)
      const since =
        overlap && state.cursor.id === ''
          ? { version: Math.max(0, state.cursor.version - rt.connector.overlapMs), id: '' }
          : state.cursor
      return { object, columns: columnsOf(rt, object), since, overlap }
    })
    for (const page of await rt.connector.changes(requests)) {
      const { overlap } = requests.find((r) => r.object === page.object)!
      const kept = await withAssociations(rt, page.object, await worthMerging(work, page.object, page.snapshots))
      const state = work.objects[page.object]!
      const last = page.snapshots.reduce((max, s) => Math.max(max, s.version), state.cursor.version)
      const after: lanes.ObjectState = {
        ...state,
        cursor: page.next ?? { version: last, id: '' },
        ...(overlap && !page.next && { overlapAt: ctx.began, done: ctx.began }),
      }
      more ||= page.next !== undefined
      if (kept.length === 0 && JSON.stringify(after) === JSON.stringify(state)) continue
      await commit(work, async (tx) => {
        for (const piece of chunks(kept, BATCH)) add(work.counts, (await applySnapshots(tx, ctx, page.object, piece)).counts)
        await lanes.saveObject(tx, rt.id, page.object, after)
      })
      work.objects[page.object] = after
    }
  }
  return more
}

/** Drops rows that were merged before: echoes of our own writes, and the overlap. (Protocol: Pull.) */
async function worthMerging(work: Work, object: string, snapshots: Snapshot[]): Promise<Snapshot[]> {
  const { engine, rt } = work
  if (snapshots.length === 0) return snapshots
  const known = await inTransaction(engine, (tx) =>
    rows(
      tx,
      sql<{ externalId: string; seen: number; wrote: number; open: boolean }>`
    select external_id as "externalId", seen, wrote, open_write is not null as open from link where connection_id = ${rt.id} and object = ${object} and external_id = any(${snapshots.map((s) => s.id)}::text[])`,
    ),
  )
  const byId = new Map(known.map((k) => [k.externalId, k]))
  const kept: Snapshot[] = []
  const hints: string[] = []
  for (const s of snapshots) {
    const link = byId.get(s.id)
    if (rt.kind === 'salesforce') {
      // Stamps are whole seconds: an equal one may still be a second change, a deleted row always counts.
      if (!link || link.open || s.deleted || s.version >= link.seen - rt.connector.overlapMs) kept.push(s)
    } else if (!link || link.open || s.version < link.wrote) hints.push(s.id)
    else if (s.version > link.seen) kept.push(s)
  }
  // Search may lag: what it says of these is only a hint, the row itself is read by id.
  for (const piece of chunks(hints, rt.connector.batch.readByIds))
    kept.push(...(await rt.connector.readByIds({ object, ids: piece, columns: columnsOf(rt, object) })))
  return kept
}

// --- slow scan --------------------------------------------------------------------------------------

/**
 * Compares a complete list with what is linked, a batch a turn: deletes, restores, merges and association
 * changes that no poll shows. Rows are merged as in any read; live links without a row are read by id.
 */
async function scan(work: Work, object: string): Promise<boolean> {
  const { engine, rt } = work
  const state = work.objects[object]!
  const ctx = await beginRead(work)
  if (state.scanAfter === undefined && ctx.began - state.scanAt < engine.timing.scanEvery) return false
  const found: Snapshot[] = []
  let next = state.scanAfter
  do {
    const page = await rt.connector.list({ object, columns: columnsOf(rt, object), after: next })
    found.push(...page.snapshots)
    next = page.after
  } while (next && found.length < BATCH)
  const snapshots = await withAssociations(rt, object, found)
  const ids = snapshots.map((s) => s.id)
  const numeric = rt.kind === 'hubspot'
  // HubSpot's list goes on at the id it names, Salesforce's after it: ids up to the last one read are covered.
  const span = { from: state.scanTo ?? (numeric ? '0' : ''), to: next ? ids.at(-1) : undefined, numeric }
  const after: lanes.ObjectState = {
    ...state,
    scanAfter: next,
    scanTo: next ? ids.at(-1) : undefined,
    ...(!next && { scanAt: ctx.began }),
  }
  await commit(work, async (tx) => {
    for (const piece of chunks(snapshots, BATCH)) add(work.counts, (await applySnapshots(tx, ctx, object, piece)).counts)
    await queues.touchAbsent(tx, rt.id, object, span, ids)
    await lanes.saveObject(tx, rt.id, object, after)
  })
  work.objects[object] = after
  return next !== undefined
}

/** Errors that end a turn quietly: the lane is asked again later. */
export const isPassing = (error: unknown): boolean =>
  error instanceof CrmError && (error.transient || error.class === 'quota_exhausted')
