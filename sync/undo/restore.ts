import { randomUUID, randomUUIDv7 } from 'node:crypto'
import { chunks, type Outcome } from '../../connectors/connector.ts'
import type { CompiledMapping } from '../../mappings/compile.ts'
import type { LinkRow, RecordRow } from '../../mappings/state.ts'
import type { Tx } from '../../store/database.ts'
import * as intents from '../../store/intents.ts'
import * as links from '../../store/links.ts'
import * as queues from '../../store/queues.ts'
import * as records from '../../store/records.ts'
import * as undo from '../../store/undo.ts'
import { askForChildren } from '../frozen.ts'
import { sendCreates } from '../push/create.ts'
import { renderFields } from '../push/render.ts'
import { commit, type Planned, send, type Target, type Work } from '../push/work.ts'
import { outward } from '../references.ts'
import { columnsFor } from './plan.ts'
import { intentsOf, keep, lockKnown, NO_OUTBOX, refuse, step } from './steps.ts'

/** Rows that were deleted stand again. */

export async function restore(work: Work, mapping: CompiledMapping, steps: undo.Step[]): Promise<void> {
  const { connector } = work.rt
  const [size, run] = connector.restore ? [connector.batch.remove, undeleteBatch] : [connector.batch.create, remakeBatch]
  for (const piece of chunks(steps, size)) await run(work, mapping, piece)
}

/** A record whose row stands again here, while it is deleted elsewhere, waits for a person. */
async function askAbout(tx: Tx, work: Work, record: RecordRow): Promise<void> {
  if (record.deleted && record.frozen === null)
    await records.freeze(
      tx,
      record.id,
      'restored',
      `its delete was taken back in ${work.rt.name}: decide whether it is kept everywhere or deleted there too`,
    )
}

async function undeleteBatch(work: Work, mapping: CompiledMapping, steps: undo.Step[]): Promise<void> {
  const { engine, rt } = work
  const sendBy = Date.now() + engine.timing.sendBy
  const { ready, writes } = await commit(work, async (tx) => {
    const known = await lockKnown(tx, steps, await links.drawTicket(tx))
    const usable = steps.flatMap((s) => {
      const { link, record } = known.of(s)
      const gone = link && record && (link.state === 'dead' || link.state === 'withdrawn') && link.externalId !== null
      return gone ? [{ step: s, target: { link, record, outbox: NO_OUTBOX(link.id, link.entity) } }] : []
    })
    const ids = await intentsOf(
      tx,
      work,
      usable.map(({ step: s, target }) => ({
        step: s,
        write: { linkId: target.link.id, recordId: target.record.id, kind: 'restore', fields: {}, readVersion: 0, readClock: 0 },
      })),
    )
    await undo.changeSteps(tx, [
      ...steps.filter((s) => !usable.some((u) => u.step === s)).map((s) => keep(s, 'it stands again already')),
      ...usable.map((u) => step(u.step, { state: 'sent', writeId: ids.get(u.step.linkId)! })),
    ])
    return { ready: usable.map((u): Target => u.target), writes: ids }
  })
  if (ready.length === 0) return
  const results = await send(work, writes, () =>
    rt.connector.restore!({ object: mapping.object, ids: ready.map((t) => t.link.externalId!), sendBy }),
  )
  const outcomes = new Map<Target, Outcome>(ready.map((t, i) => [t, results[i]!]))
  const ok = ready.filter((t) => outcomes.get(t)!.ok)
  await commit(work, async (tx) => {
    await intents.closeWrites(
      tx,
      ok.map((t) => t.link.id),
    )
    await links.updateLinks(
      tx,
      ok.map((t) => ({ id: t.link.id, state: 'live' })),
    )
    for (const t of ok) await askAbout(tx, work, t.record)
    await queues.touchInbox(
      tx,
      rt.id,
      ok.map((t) => ({ object: mapping.object, externalId: t.link.externalId! })),
      'it was restored',
    )
  })
  work.counts.created += ok.length
  await refuse(work, mapping, writes, ready, outcomes)
}

/** Where the CRM cannot restore, a new row is made of what the deleted one held; both ids are listed. */
async function remakeBatch(work: Work, mapping: CompiledMapping, steps: undo.Step[]): Promise<void> {
  const { engine, rt } = work
  const sendBy = Date.now() + engine.timing.sendBy
  const { ready, writes } = await commit(work, async (tx) => {
    const known = await lockKnown(tx, steps, await links.drawTicket(tx))
    const changes: undo.StepChange[] = []
    const fresh: { step: undo.Step; link: links.NewLink; old: LinkRow; record: RecordRow }[] = []
    for (const s of steps) {
      const { link, record } = known.of(s)
      if (!link || !record || (link.state !== 'dead' && link.state !== 'withdrawn')) {
        changes.push(keep(s, 'it stands again already'))
        continue
      }
      if (link.state === 'withdrawn') await links.updateLinks(tx, [{ id: link.id, state: 'dead' }])
      fresh.push({
        step: s,
        old: link,
        record,
        link: {
          id: randomUUIDv7(),
          connectionId: rt.id,
          object: mapping.object,
          entity: mapping.entity,
          externalId: null,
          recordId: record.id,
          state: 'creating',
          base: {},
          seen: 0,
        },
      })
    }
    await links.insertLinks(
      tx,
      fresh.map((f) => f.link),
    )
    const rendered = await renderFields(
      work,
      mapping,
      fresh.map(({ link, record }) => ({
        target: { link: asLocked(link), record, outbox: NO_OUTBOX(link.id, link.entity) },
        base: {},
        current: {},
        frozen: new Set<string>(),
      })),
      await outward(
        tx,
        rt,
        mapping,
        fresh.map((f) => f.record),
      ),
      new Map(),
    )
    const planned = rendered.planned.map((p): { step: undo.Step; planned: Planned } => {
      const f = fresh.find((x) => x.link.id === p.link.id)!
      // A record that lives on gets what it holds now, as any new row does.
      return { step: f.step, planned: f.record.deleted ? withFormerValues(mapping, p, f.old) : p }
    })
    // The write is found by its new link: the step's own link is that of the row that went.
    const ids = new Map<string, number>()
    for (const [undoId, of] of Map.groupBy(planned, (p) => p.step.undoId))
      for (const [linkId, id] of await intents.insertWrites(
        tx,
        rt.id,
        randomUUID(),
        undoId,
        of.map(({ planned: p }) => ({
          linkId: p.link.id,
          recordId: p.record.id,
          kind: 'create',
          fields: p.fields,
          readVersion: 0,
          readClock: 0,
        })),
      ))
        ids.set(linkId, id)
    for (const { record } of fresh) await askAbout(tx, work, record)
    await undo.changeSteps(tx, [
      ...changes,
      ...planned.map(({ step: s, planned: p }) => step(s, { state: 'sent', writeId: ids.get(p.link.id)!, newLinkId: p.link.id })),
    ])
    return { ready: planned.map((p) => p.planned), writes: ids }
  })
  if (ready.length === 0) return
  await sendCreates(work, mapping, { ready, ids: writes, sendBy })
  await commit(work, async (tx) => {
    for (const { record } of ready) await askForChildren(tx, engine, record)
  })
}

const asLocked = (link: links.NewLink): links.TicketedLink => ({
  ...link,
  entity: link.entity as LinkRow['entity'],
  rev: 0,
  wrote: 0,
  openWrite: null,
  changedSince: false,
})

/** Values exactly as the deleted row held them, where it is still known; what it pointed at, as it is linked now. */
function withFormerValues(mapping: CompiledMapping, p: Planned, old: LinkRow): Planned {
  const out: Planned = { ...p, fields: { ...p.fields }, row: { ...p.row } }
  for (const field of mapping.fields) {
    const base = old.base[field.name]
    if (!field.writes || field.type === 'reference' || !base || base.c === null) continue
    Object.assign(out.row, columnsFor(field, base.r))
    out.fields[field.name] = { c: base.c, s: base.r, b: null, n: p.record.fields[field.name]?.n ?? 0 }
  }
  return out
}
