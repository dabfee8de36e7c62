import { randomUUIDv7 } from 'node:crypto'
import type { CompiledField, CompiledMapping } from '../../mappings/compile.ts'
import { type CanonicalRow, readRows } from '../../mappings/lens.ts'
import type { Json } from '../../mappings/model/value.ts'
import { same, type Value } from '../../mappings/model/value.ts'
import type { RawRow } from '../../mappings/schema.ts'
import type { ConflictRow, LinkRow, RecordRow } from '../../mappings/state.ts'
import * as conflicts from '../../store/conflicts.ts'
import type { Tx } from '../../store/database.ts'
import * as links from '../../store/links.ts'
import * as records from '../../store/records.ts'
import * as undo from '../../store/undo.ts'
import { EditRefused } from '../edit.ts'
import { type Engine, inTransaction } from '../engine.ts'
import { livingChildren } from '../frozen.ts'
import { inward } from '../references.ts'
import { lensContext, mappingOf, namesOf, type Runtime } from '../runtime.ts'
import { fold, type Net } from './fold.ts'
import { heldValue } from './steps.ts'

/** Rows looked at together. */
const PIECE = 500
const FIRST = '00000000-0000-0000-0000-000000000000'

/**
 * Plans how the writes of a run, of a record or of a span of time are taken back, and stores the plan: what is shown is
 * what will be carried out. Nothing is written to a CRM. What was changed since is never overwritten: it is listed.
 *
 * @returns the undo's id.
 * @throws EditRefused when there is nothing of that name, or writes of it are still under way.
 */
export async function planUndo(engine: Engine, target: undo.UndoTarget): Promise<string> {
  const id = randomUUIDv7()
  await inTransaction(engine, async (tx) => {
    await mayBeUndone(tx, target)
    await undo.forgetPlans(tx)
    await undo.insertUndo(tx, id, target)
  })
  for (let after = FIRST; ; ) {
    const written = await inTransaction(engine, async (tx) => {
      const found = await undo.linksWritten(tx, target, after, PIECE)
      await undo.insertSteps(tx, await stepsFor(tx, engine, id, target, found))
      return found
    })
    if (written.length < PIECE) break
    after = written.at(-1)!
  }
  await inTransaction(engine, (tx) => keepParents(tx, engine, id))
  return id
}

async function mayBeUndone(tx: Tx, target: undo.UndoTarget): Promise<void> {
  const { run, record } = target
  if (run !== undefined) {
    const state = await undo.runState(tx, run)
    if (state === 'unknown') throw new EditRefused('not_found', `there is no run ${run}; concordat runs lists them`)
    if (state === 'running') throw new EditRefused('busy', `run ${run} is still going; nothing was changed`)
  }
  if (record !== undefined && (await records.readRecords(tx, [record])).length === 0)
    throw new EditRefused('not_found', `there is no record ${record}`)
  const open = await undo.writesUnderWay(tx, target)
  if (open > 0)
    throw new EditRefused(
      'busy',
      `${open} of these writes ${open === 1 ? 'is' : 'are'} still under way, and it is not known yet what became of them; try again in a moment`,
    )
}

/** Everything that is known of some rows that were written. */
interface Known {
  links: Map<string, LinkRow>
  records: Map<string, RecordRow>
  conflicts: Map<string, ConflictRow>
  edited: Map<string, { field: string }[]>
  standing: Map<string, LinkRow[]>
}

async function stepsFor(
  tx: Tx,
  engine: Engine,
  undoId: string,
  target: undo.UndoTarget,
  linkIds: string[],
): Promise<undo.Step[]> {
  const nets = new Map<string, Net>()
  for (const [linkId, writes] of Map.groupBy(await undo.writesOf(tx, target, linkIds), (w) => w.linkId)) {
    const net = fold(writes)
    if (net) nets.set(linkId, net)
  }
  const known = await look(tx, nets)
  const steps: undo.Step[] = []
  for (const [object, of] of Map.groupBy(known.links.values(), (l) => `${l.connectionId} ${l.object}`)) {
    const rt = engine.runtimes.find((r) => object.startsWith(r.id))
    // A connection that is not at work here cannot be written to.
    if (!rt) continue
    const before = await readBefore(tx, rt, of, nets)
    for (const link of of) steps.push(stepFor(engine, rt, undoId, link, nets.get(link.id)!, known, before.get(link.id)))
  }
  return steps
}

async function look(tx: Tx, nets: ReadonlyMap<string, Net>): Promise<Known> {
  const found = await links.readLinks(tx, [...nets.keys()])
  const recordIds = [...new Set(found.flatMap((l) => l.recordId ?? []))]
  return {
    links: new Map(found.filter((l) => l.recordId !== null).map((l) => [l.id, l])),
    records: new Map((await records.readRecords(tx, recordIds)).map((r) => [r.id, r])),
    conflicts: new Map((await conflicts.openConflicts(tx, recordIds)).map((c) => [`${c.recordId} ${c.field}`, c])),
    edited: await undo.editedAfter(
      tx,
      found.flatMap((l) => {
        const net = nets.get(l.id)!
        return net.kind === 'remove' && l.recordId
          ? [{ linkId: l.id, recordId: l.recordId, connectionId: l.connectionId, after: net.until }]
          : []
      }),
    ),
    standing: Map.groupBy(
      (await links.linksOfRecords(tx, recordIds)).filter((l) => l.state === 'live' || l.state === 'creating'),
      (l) => `${l.recordId} ${l.connectionId}`,
    ),
  }
}

/** The wire columns that a field's wire value stands for. */
export const columnsFor = (field: CompiledField, raw: Json): RawRow =>
  field.companion && Array.isArray(raw)
    ? { [field.column]: raw[0] ?? null, [field.companion]: raw[1] ?? null }
    : { [field.column]: raw }

/** What the values that stood there mean, row by row. */
async function readBefore(
  tx: Tx,
  rt: Runtime,
  of: LinkRow[],
  nets: ReadonlyMap<string, Net>,
): Promise<Map<string, CanonicalRow>> {
  const found = new Map<string, CanonicalRow>()
  for (const [entity, group] of Map.groupBy(of, (l) => l.entity)) {
    const mapping = mappingOf(rt, entity)
    if (!mapping) continue
    const rows = group.map((link) => {
      const row: RawRow = {}
      for (const [name, f] of Object.entries(nets.get(link.id)!.fields)) {
        const field = mapping.byName.get(name)
        if (field) Object.assign(row, columnsFor(field, f.before))
      }
      return { link, row }
    })
    const references = await inward(
      tx,
      rt,
      mapping.object,
      rows.map(({ link, row }) => ({ asked: link.id, id: link.id, version: 0, clock: 0, deleted: false, row })),
    )
    const readings = await readRows(
      mapping,
      rows.map((r) => r.row),
      lensContext(rt, mapping, references),
    )
    for (const [i, { link }] of rows.entries()) found.set(link.id, readings[i]!)
  }
  return found
}

function stepFor(
  engine: Engine,
  rt: Runtime,
  undoId: string,
  link: LinkRow,
  net: Net,
  known: Known,
  before: CanonicalRow | undefined,
): undo.Step {
  const step: undo.Step = {
    undoId,
    linkId: link.id,
    connectionId: rt.id,
    recordId: link.recordId!,
    entity: link.entity,
    kind: net.kind,
    fields: {},
    kept: {},
    state: 'planned',
    reason: null,
  }
  const keep = (reason: string): undo.Step => ({ ...step, state: 'kept', kept: { ...step.kept, '(row)': reason }, reason })
  const record = known.records.get(link.recordId!)
  const mapping = mappingOf(rt, link.entity)
  if (!record || !mapping?.document.write) return keep('nothing maps it any more')
  if (net.kind === 'restore') return restoreStep(step, keep, link, record, mapping, known)
  if (link.state !== 'live') return keep(STANDS_NOT[link.state] ?? 'its row is not in the sync any more')
  if (record.frozen !== null) return keep(`the record is frozen: ${record.frozen}`)
  if (record.deleted) return keep('the record was deleted since')
  if (net.kind === 'remove') {
    const edited = known.edited.get(link.id)
    if (edited) return keep(`${edited.map((e) => e.field).join(', ')} edited there since`)
    for (const [name, b] of Object.entries(link.base)) if (b.c !== null) step.fields[name] = { from: b.c, to: null, raw: null }
    return { ...step, reason: 'the write made it' }
  }
  for (const [name, f] of Object.entries(net.fields)) {
    const why = keptField(engine, mapping, link, record, name, f.sent, known.conflicts.get(`${record.id} ${name}`))
    if (why) {
      step.kept[name] = why
      continue
    }
    const reading = before?.get(name)
    const to = reading && 'value' in reading ? reading.value : (f.before as Value)
    if (!same(to, f.sent)) step.fields[name] = { from: f.sent, to, raw: f.before }
  }
  if (Object.keys(step.fields).length === 0)
    return { ...step, state: 'kept', reason: Object.values(step.kept)[0] ?? 'it holds that already' }
  return step
}

const STANDS_NOT: Partial<Record<LinkRow['state'], string>> = {
  dead: 'its row was deleted or merged since',
  withdrawn: 'its row was taken back before',
  outside: 'its row left the mapping’s filter, or is not shown any more',
  duplicate: 'its row is listed as a duplicate',
}

/** Why a field is left as it is; undefined when it still holds what was written. */
function keptField(
  engine: Engine,
  mapping: CompiledMapping,
  link: LinkRow,
  record: RecordRow,
  name: string,
  sent: Value,
  conflict: ConflictRow | undefined,
): string | undefined {
  if (!mapping.byName.get(name)?.writes) return 'nothing maps it any more'
  if (conflict && conflict.kind !== 'undone') return 'a conflict about it is open'
  const held = heldValue(link, name, conflict)
  if (held !== undefined && same(held, sent)) return undefined
  const origin = record.fields[name]?.o ?? ''
  return `changed since${origin ? `, in ${namesOf(engine.runtimes)(origin)[0]}` : ''}`
}

/** A row that was deleted is to stand again. */
function restoreStep(
  step: undo.Step,
  keep: (reason: string) => undo.Step,
  link: LinkRow,
  record: RecordRow,
  mapping: CompiledMapping,
  known: Known,
): undo.Step {
  if (link.state !== 'dead' && link.state !== 'withdrawn') return keep('it stands again already')
  if (known.standing.has(`${record.id} ${link.connectionId}`)) return keep('the record has another row there now')
  if (!mapping.document.externalId) return keep('rows of it are not made any more')
  for (const [name, b] of Object.entries(link.base)) if (b.c !== null) step.fields[name] = { from: null, to: b.c, raw: b.r }
  return { ...step, reason: 'the write deleted it' }
}

/** A row is not taken back from above others that stay. */
async function keepParents(tx: Tx, engine: Engine, undoId: string): Promise<void> {
  for (const rt of engine.runtimes) {
    const removed = await undo.removals(tx, undoId, rt.id)
    const below = await livingChildren(
      tx,
      rt,
      removed.map((r) => r.recordId),
      removed.map((r) => r.recordId),
    )
    await undo.changeSteps(
      tx,
      removed.flatMap(({ linkId, recordId }) => {
        const children = below.get(recordId)
        return children
          ? [
              {
                undoId,
                linkId,
                state: 'kept' as const,
                reason: `${children} of it stand there`,
                kept: { '(row)': `${children} of it stand there` },
              },
            ]
          : []
      }),
    )
  }
}
