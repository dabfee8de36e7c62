import { sql } from 'kysely'
import { CrmError } from '../../connectors/errors.ts'
import { rows } from '../../store/database.ts'
import * as undos from '../../store/undo.ts'
import { decideFrozen } from '../../sync/frozen.ts'
import { resolveConflicts } from '../../sync/resolve.ts'
import { planUndo } from '../../sync/undo/plan.ts'
import { type Crm, EDITED, type Kind } from './history.ts'
import type { Field } from './people.ts'
import { inTx, type Stage, turn } from './stage.ts'
import { allowed, at, canonical, fromCanonical, pairs, type Story, touch, type, typed } from './story.ts'

/** People who settle things at Concordat: conflicts, frozen records, runs that are taken back. */

const turns = async (stage: Stage, ...directions: ('pull' | 'push')[]) => {
  for (const direction of directions) await Promise.all(stage.crms.map((crm) => turn(stage, crm, direction)))
}

const openConflicts = (stage: Stage) =>
  inTx(stage, (tx) =>
    rows(
      tx,
      sql<OpenConflict>`select id, rev, record_id as "recordId", field, sides from conflict where state = 'open' order by opened_at, id`,
    ),
  )

/** Two people type different values into one field, in two CRMs. */
export async function quarrel(story: Story, kind: Kind, pick: number, field: Field, next: () => number): Promise<boolean> {
  const pair = at(await pairs(story.stage, kind), pick)
  if (!pair) return false
  await type(story, story.stage.people, 'salesforce', kind, pair.salesforce, field, typed(field, next()), next)
  return type(story, story.stage.people, 'hubspot', kind, pair.hubspot, field, typed(field, next()), next)
}

/** Somebody settles a conflict by one of its sides. Where there is none, two people make one first. */
export async function resolve(story: Story, pick: number, next: () => number): Promise<boolean> {
  const { stage } = story
  if ((await openConflicts(stage)).length === 0 && (await quarrel(story, 'account', pick, 'city', next)))
    await turns(stage, 'pull')
  const conflict = at(await openConflicts(stage), pick)
  if (!conflict) return false
  const side = at(conflict.sides, pick)!.side
  const [id, lost] = side.split(' ')
  const name = stage.engine.runtimes.find((r) => r.id === id)?.name
  const keep = side === 'hub' ? 'record' : lost ? `${name}-overwritten` : name!
  // Every second time somebody types into a side between the look and the answer.
  if (pick % 2 === 1) await typeInto(story, conflict, next)
  const stale = await changedSince(stage, conflict)
  const answers = await resolveConflicts(stage.engine, [{ id: conflict.id, rev: conflict.rev, choice: { keep } }]).catch(
    (error) => {
      // A CRM does not answer: the person is told so, and nothing was settled.
      if (error instanceof CrmError) return []
      throw error
    },
  )
  const [answer] = answers
  if (!answer) return false
  if (answer.ok && stale)
    story.wrong.push({ promise: 'a person settles what he saw', what: `conflict ${conflict.id} was settled although ${stale}` })
  return answer.ok
}

const frozen = (stage: Stage) =>
  inTx(stage, (tx) => rows(tx, sql<{ id: string }>`select id from record where frozen is not null order by id`))

/** Somebody decides about a frozen record. Where there is none, one person deletes what another edits. */
export async function decide(story: Story, pick: number, next: () => number): Promise<boolean> {
  const { stage } = story
  if ((await frozen(stage)).length === 0) {
    const pair = at(await pairs(stage, 'deal'), pick)
    if (pair) {
      await type(story, story.stage.people, 'hubspot', 'deal', pair.hubspot, 'nextStep', typed('nextStep', next()), next)
      touch(story, 'delete', 'salesforce', pair.salesforce.id, next)
      await stage.people.salesforce!.remove('deal', pair.salesforce.id)
      await turn(stage, 'salesforce', 'pull')
      await turn(stage, 'hubspot', 'push')
    }
  }
  const record = at(await frozen(stage), pick)
  if (!record) return false
  touch(story, 'decide', 'api', record.id, next)
  return allowed(inTx(stage, (tx) => decideFrozen(tx, stage.engine, record.id, pick % 2 === 0 ? 'keep' : 'delete')))
}

/** Somebody takes a run back. Where nothing was written yet, somebody edits something first. */
export async function undo(story: Story, pick: number, next: () => number): Promise<boolean> {
  const { stage } = story
  const runs = () =>
    inTx(stage, (tx) =>
      rows(tx, sql<{ id: string }>`select id from run where kind in ('push', 'undo') order by started_at desc, id desc`),
    )
  if ((await runs()).length < 2) {
    const pair = at(await pairs(stage, 'account'), pick)
    if (pair) await type(story, story.stage.people, 'salesforce', 'account', pair.salesforce, 'city', typed('city', next()), next)
    for (const rt of stage.engine.runtimes) rt.runs = {}
    await turns(stage, 'pull', 'push')
    // Salesforce's writes are open until a poll shows them.
    await turns(stage, 'pull')
  }
  const run = at(await runs(), pick % 3)
  if (!run) return false
  // Every second time somebody has edited since what the run had written.
  const later = pick % 2 === 1 ? await editLater(story, run.id, next) : undefined
  return allowed(
    (async () => {
      const id = await planUndo(stage.engine, { run: run.id })
      if (later && (await takesBack(stage, id, later)))
        story.wrong.push({
          promise: 'an undo keeps later edits',
          what: `undo ${id} takes back ${later.field} of ${later.externalId}`,
        })
      touch(story, 'undo', 'api', id, next)
      return inTx(stage, (tx) => undos.startUndo(tx, id))
    })(),
  )
}

interface Written {
  linkId: string
  crm: Crm
  entity: Kind
  externalId: string
  field: string
}

/** Somebody edits a field of a row that a run had written to, and a poll brings it. */
async function editLater(story: Story, run: string, next: () => number): Promise<Written | undefined> {
  const { stage } = story
  const written = await inTx(stage, (tx) =>
    rows(
      tx,
      sql<Written>`select link.id as "linkId", c.name as crm, link.entity, link.external_id as "externalId", f.key as field from write
      join link on link.id = write.link_id and link.state = 'live' join connection c on c.id = link.connection_id, jsonb_each(write.fields) f
      where write.run_id = ${run} and write.kind = 'update' and write.refused is null order by write.id, f.key`,
    ),
  )
  for (const w of written) {
    const field = (EDITED[w.entity] as readonly Field[] | undefined)?.find((f) => canonical(f) === w.field)
    const row = field && (await stage.people[w.crm]!.rows(w.entity)).find((r) => r.id === w.externalId)
    if (!row || !(await type(story, stage.people, w.crm, w.entity, row, field, typed(field, next()), next))) continue
    await turn(stage, w.crm, 'pull')
    return (await isSeen(stage, w, field)) ? w : undefined
  }
  return undefined
}

/** Whether a poll has brought what a row shows in a field: search may lag, and a write of ours may be open. */
async function isSeen(stage: Stage, { crm, entity, externalId, linkId, field }: Written, edited: Field): Promise<boolean> {
  const [link] = await inTx(stage, (tx) =>
    rows(tx, sql<{ value: unknown }>`select base -> ${field} -> 'c' as value from link where id = ${linkId}`),
  )
  const row = (await stage.people[crm]!.rows(entity)).find((r) => r.id === externalId)
  return row !== undefined && fromCanonical(link?.value) === (row.values[edited] ?? null)
}

/** Whether an undo would set that field of that row back. */
const takesBack = async (stage: Stage, undoId: string, { linkId, field }: Written): Promise<boolean> =>
  (
    await inTx(stage, (tx) =>
      rows(
        tx,
        sql<{
          n: number
        }>`select 1 as n from undo_step where undo_id = ${undoId} and link_id = ${linkId} and state = 'planned' and fields ? ${field}`,
      ),
    )
  ).length > 0

interface OpenConflict {
  id: string
  rev: number
  recordId: string
  field: string
  sides: { side: string; value: unknown }[]
}

/** What a CRM shows now, where it is something else than the conflict's side says. */
async function changedSince(stage: Stage, conflict: OpenConflict): Promise<string | undefined> {
  const field = (Object.values(EDITED).flat() as Field[]).find((f) => canonical(f) === conflict.field)
  if (!field) return undefined
  const own = await inTx(stage, (tx) =>
    rows(
      tx,
      sql<{
        crm: Crm
        connectionId: string
        entity: Kind
        externalId: string
      }>`select c.name as crm, c.id as "connectionId", link.entity, external_id as "externalId" from link
      join connection c on c.id = link.connection_id where record_id = ${conflict.recordId} and state = 'live'`,
    ),
  )
  for (const link of own) {
    const side = conflict.sides.find((s) => s.side === link.connectionId)
    const row = side && (await stage.people[link.crm]!.rows(link.entity)).find((r) => r.id === link.externalId)
    if (row && (row.values[field] ?? null) !== fromCanonical(side.value))
      return `${link.crm} shows ${row.values[field] ?? null}, and the side ${fromCanonical(side.value)}`
  }
  return undefined
}

/** Somebody types another value into a row that a conflict is about. */
async function typeInto(story: Story, conflict: OpenConflict, next: () => number): Promise<void> {
  const { stage } = story
  const field = (Object.values(EDITED).flat() as Field[]).find((f) => canonical(f) === conflict.field)
  const [link] = await inTx(stage, (tx) =>
    rows(
      tx,
      sql<{
        crm: Crm
        entity: Kind
        externalId: string
      }>`select c.name as crm, link.entity, external_id as "externalId" from link join connection c on c.id = link.connection_id
      where record_id = ${conflict.recordId} and state = 'live' and c.id::text = any(${conflict.sides.map((s) => s.side)}::text[]) limit 1`,
    ),
  )
  const row = link && (await stage.people[link.crm]!.rows(link.entity)).find((r) => r.id === link.externalId)
  if (field && row) await type(story, story.stage.people, link.crm, link.entity, row, field, typed(field, next()), next)
}
