import { chunks, type Snapshot } from '../../connectors/connector.ts'
import * as lanes from '../../store/lanes.ts'
import * as links from '../../store/links.ts'
import * as queues from '../../store/queues.ts'
import { type ApplyContext, drawContext } from '../batch.ts'
import { EditRefused } from '../edit.ts'
import { type Engine, inTransaction } from '../engine.ts'
import { worthMerging } from '../pull/poll.ts'
import { BATCH, withAssociations } from '../pull/work.ts'
import { columnsOf, type Runtime } from '../runtime.ts'
import type { Tally } from './calls.ts'
import type { PlanOptions } from './plan.ts'

/** Rows that were read for a plan, to be merged in its trials. */
export interface Reads {
  ctx: ApplyContext
  object: string
  snapshots: Snapshot[]
}

/** Inbox rows that are read for a plan. */
const INBOX = 5_000

/** Reads what has changed in the CRMs and was not merged yet; cursors stay where they are. */
export async function readAhead(engine: Engine, options: PlanOptions, tally: Tally): Promise<Reads[]> {
  const reads: Reads[] = []
  for (const rt of engine.runtimes) {
    const states = await inTransaction(engine, (tx) => lanes.readObjects(tx, rt.id))
    const objects = rt.objects.filter((o) => wanted(rt, o, options))
    const unread = objects.find((o) => states[o]?.phase !== 'poll' && !rereadOf(options, rt).includes(o))
    if (unread) throw new EditRefused('busy', `${rt.name} has not been read completely yet (${unread}); plan again when it has`)
    if (options.recordId !== undefined) reads.push(...(await readRecord(engine, rt, options.recordId, tally)))
    else {
      const rereads = rereadOf(options, rt)
      for (const object of rereads) reads.push(...(await readAll(engine, rt, object, tally)))
      const polled = objects.filter((o) => !rereads.includes(o))
      reads.push(...(await readChanges(engine, rt, polled, states, tally)), ...(await readInbox(engine, rt, polled, tally)))
    }
  }
  return reads
}

/** Objects of a connection whose rows are all read. */
const rereadOf = ({ reread = [] }: PlanOptions, rt: Runtime): string[] =>
  reread.filter((r) => r.rt.id === rt.id).map((r) => r.object)

const wanted = (rt: Runtime, object: string, { entity }: PlanOptions): boolean =>
  entity === undefined || rt.mappings.some((m) => m.object === object && m.entity === entity)

const context = (engine: Engine, rt: Runtime) => inTransaction(engine, (tx) => drawContext(tx, engine, rt, null))

/** Rows by id, with their associations. */
async function rowsById(
  engine: Engine,
  rt: Runtime,
  asked: readonly { object: string; externalId: string }[],
  tally: Tally,
): Promise<Reads[]> {
  const reads: Reads[] = []
  for (const [object, rows] of Map.groupBy(asked, (a) => a.object)) {
    if (!rt.objects.includes(object)) continue
    for (const piece of chunks(rows, rt.connector.batch.readByIds)) {
      const ctx = await context(engine, rt)
      const found = await rt.connector.readByIds({
        object,
        ids: piece.map((r) => r.externalId),
        columns: columnsOf(rt, object),
      })
      reads.push({ ctx, object, snapshots: await withAssociations(rt, object, found) })
      tally.of(rt).looked++
    }
  }
  return reads
}

async function readRecord(engine: Engine, rt: Runtime, recordId: string, tally: Tally): Promise<Reads[]> {
  const rows = await inTransaction(engine, (tx) => links.linksOfRecords(tx, [recordId]))
  const here = rows.flatMap((l) =>
    l.connectionId === rt.id && l.state === 'live' && l.externalId ? [{ object: l.object, externalId: l.externalId }] : [],
  )
  return rowsById(engine, rt, here, tally)
}

async function readInbox(engine: Engine, rt: Runtime, objects: string[], tally: Tally): Promise<Reads[]> {
  const except = rt.objects.filter((o) => !objects.includes(o))
  const rows = await inTransaction(engine, (tx) => queues.claimInbox(tx, rt.id, INBOX, except))
  return rowsById(engine, rt, rows, tally)
}

/** What polls would bring, from where they stand. */
async function readChanges(
  engine: Engine,
  rt: Runtime,
  objects: string[],
  states: lanes.LaneObjects,
  tally: Tally,
): Promise<Reads[]> {
  const reads: Reads[] = []
  const cursors = new Map(
    objects.map((o) => {
      const { page, cursor } = states[o]!
      return [o, page ? { version: page.version, id: page.id } : cursor]
    }),
  )
  while (cursors.size > 0) {
    for (const group of chunks([...cursors], rt.connector.batch.changes)) {
      const ctx = await context(engine, rt)
      const answers = await rt.connector.changes(
        group.map(([object, since]) => ({ object, since, columns: columnsOf(rt, object) })),
      )
      tally.of(rt).looked++
      for (const { object, snapshots, next } of answers) {
        const { changed } = await worthMerging({ engine, rt }, object, snapshots)
        for (const piece of chunks(changed, BATCH))
          reads.push({ ctx, object, snapshots: await withAssociations(rt, object, piece) })
        if (next) cursors.set(object, next)
        else cursors.delete(object)
      }
    }
  }
  return reads
}

/** An object's complete list. */
async function readAll(engine: Engine, rt: Runtime, object: string, tally: Tally): Promise<Reads[]> {
  const reads: Reads[] = []
  let after: string | undefined
  do {
    const ctx = await context(engine, rt)
    const page = await rt.connector.list({ object, columns: columnsOf(rt, object), after })
    reads.push({ ctx, object, snapshots: await withAssociations(rt, object, page.snapshots) })
    tally.of(rt).looked++
    after = page.after
  } while (after)
  return reads
}
