import { sql } from 'kysely'
import { type Database, rows } from '../../store/database.ts'
import * as queues from '../../store/queues.ts'
import { deleteRecord, editRecord } from '../../sync/edit.ts'
import { type Action, type Crm, EDITED, type Kind } from './history.ts'
import { decide, resolve, undo } from './settle.ts'
import { askForScan, comeToRest, inTx, OBJECT, openStage, passTime, runtimeOf, turn, worldOf } from './stage.ts'
import {
  allowed,
  at,
  canonical,
  count,
  fieldOf,
  fromCanonical,
  kindOf,
  living,
  make,
  newStory,
  pairs,
  type Story,
  toCanonical,
  touch,
  type,
  typed,
} from './story.ts'
import { unkind } from './unkind.ts'

/** Plays a history, and keeps what people did as only they know it: the oracle judges by that. */

/** How the world begins: rows in Salesforce, and one company that only HubSpot has. */
const BEGINNING = { accounts: 2, contacts: 2, deals: 2 }

export async function play(db: Database, actions: readonly Action[], three: boolean): Promise<Story> {
  const stage = await openStage(db, three)
  const story: Story = { ...newStory(), stage }
  try {
    let seq = 0
    const next = () => ++seq
    const accounts: string[] = []
    for (let i = 0; i < BEGINNING.accounts; i++)
      accounts.push((await make(story, story.stage.people, 'salesforce', 'account', next))!)
    for (let i = 0; i < BEGINNING.contacts; i++) await make(story, story.stage.people, 'salesforce', 'contact', next, accounts[i])
    for (let i = 0; i < BEGINNING.deals; i++) await make(story, story.stage.people, 'salesforce', 'deal', next, accounts[0])
    await make(story, story.stage.people, 'hubspot', 'account', next)
    for (let i = 0; i < 2; i++)
      for (const direction of ['pull', 'push'] as const) await Promise.all(stage.crms.map((crm) => turn(stage, crm, direction)))
    await passTime(stage)
    for (const action of actions) {
      await act(story, action, next)
      for (const { world } of stage.sandboxes) world.clock.advance(1_500)
    }
    story.rested = await comeToRest(stage)
    for (const { world } of stage.sandboxes)
      for (const [name, n] of Object.entries(world.faults.hits)) count(story, `fault ${name}`, n)
    return story
  } catch (error) {
    await stage.stop()
    throw error
  }
}

async function act(story: Story, action: Action, next: () => number): Promise<void> {
  const { stage } = story
  const done = await perform(story, action, next)
  if (done) count(story, nameOf(action))
  if (stage.crms.length > 2 && done) count(story, 'with three connections')
}

const nameOf = (action: Action): string =>
  action.do === 'fault' ? `asked ${action.action}` : action.do === 'webhooks' ? `webhooks ${action.how}` : action.do

/** @returns whether there was anything to do it to. */
async function perform(story: Story, action: Action, next: () => number): Promise<boolean> {
  const { stage } = story
  switch (action.do) {
    case 'edit':
    case 'clear': {
      const field = fieldOf(action)
      const standing = await stage.people[action.crm]!.rows(action.kind)
      const row = at(action.do === 'edit' ? standing : standing.filter((r) => r.values[field] != null), action.pick)
      return (
        row !== undefined &&
        type(
          story,
          story.stage.people,
          action.crm,
          action.kind,
          row,
          field,
          action.do === 'clear' ? null : typed(field, next()),
          next,
        )
      )
    }
    case 'edit_both':
    case 'edit_same': {
      const pair = at(await pairs(stage, action.kind), action.pick)
      if (!pair) return false
      const field = fieldOf(action)
      const value = typed(field, next())
      await type(story, story.stage.people, 'salesforce', action.kind, pair.salesforce, field, value, next)
      return type(
        story,
        story.stage.people,
        'hubspot',
        action.kind,
        pair.hubspot,
        field,
        action.do === 'edit_same' ? value : typed(field, next()),
        next,
      )
    }
    case 'create': {
      const parent = action.kind === 'account' ? undefined : at(await stage.people[action.crm]!.rows('account'), action.pick)?.id
      return (await make(story, story.stage.people, action.crm, action.kind, next, parent)) !== undefined
    }
    case 'create_both': {
      const n = next()
      const key = action.kind === 'account' ? `b${n}.example.com` : `b${n}@example.com`
      await make(story, story.stage.people, 'salesforce', action.kind, next, undefined, key)
      return (await make(story, story.stage.people, 'hubspot', action.kind, next, undefined, key)) !== undefined
    }
    case 'delete': {
      const row = at(await stage.people[action.crm]!.rows(action.kind), action.pick)
      if (!row) return false
      touch(story, 'delete', action.crm, row.id, next)
      return stage.people[action.crm]!.remove(action.kind, row.id)
    }
    case 'restore': {
      const gone = story.touched.filter((t) => t.what === 'delete' && t.crm === action.crm)
      const row = at(gone, action.pick)
      if (!row) return false
      touch(story, 'restore', action.crm, row.id, next)
      return stage.people[action.crm]!.restore(kindOf(story, row.id) ?? action.kind, row.id).catch(() => false)
    }
    case 'merge': {
      const found = await stage.people[action.crm]!.rows('account')
      const [winner, loser] = [at(found, action.pick), at(found, action.pick + 1)]
      if (!winner || !loser || winner.id === loser.id) return false
      touch(story, 'merge', action.crm, winner.id, next)
      touch(story, 'merge', action.crm, loser.id, next)
      return stage.people[action.crm]!.merge(winner.id, loser.id)
    }
    case 'move': {
      const row = at(await stage.people[action.crm]!.rows(action.kind), action.pick)
      const to = at(await stage.people[action.crm]!.rows('account'), action.to)
      if (!row || !to || row.parent === to.id) return false
      touch(story, 'move', action.crm, row.id, next)
      return stage.people[action.crm]!.move(action.kind, row.id, row.parent, to.id)
    }
    case 'api_edit':
    case 'api_delete': {
      const record = at(await living(stage, action.kind), action.pick)
      if (!record) return false
      const field = fieldOf(action)
      if (action.do === 'api_delete') {
        touch(story, 'api_delete', 'api', record.id, next)
        return allowed(inTx(stage, (tx) => deleteRecord(tx, record.id, undefined)))
      }
      const value = typed(field, next())
      const shown = record.fields[canonical(field)]?.v ?? null
      const ok = await allowed(
        inTx(stage, (tx) => editRecord(tx, record.id, undefined, { [canonical(field)]: toCanonical(field, value) })),
      )
      if (ok)
        story.edits.push({ seq: next(), where: 'api', kind: action.kind, id: record.id, field, value, saw: fromCanonical(shown) })
      return ok
    }
    case 'resolve':
      return resolve(story, action.pick, next)
    case 'decide':
      return decide(story, action.pick, next)
    case 'undo':
      return undo(story, action.pick, next)
    case 'pull':
    case 'push':
      return turn(stage, action.crm, action.do)
    case 'scan':
      await askForScan(stage, action.crm)
      return turn(stage, action.crm, 'pull')
    case 'all':
      for (const direction of ['pull', 'push'] as const) await Promise.all(stage.crms.map((crm) => turn(stage, crm, direction)))
      await passTime(stage, 2_000)
      return true
    case 'at_once':
      await Promise.all(stage.crms.flatMap((crm) => (['pull', 'push'] as const).map((direction) => turn(stage, crm, direction))))
      return true
    case 'overtaken':
      return overtaken(story, action, next)
    case 'cleared_unheard':
      return clearedUnheard(story, action, next)
    case 'two_workers': {
      const ended = await Promise.all([0, 1].map(() => turn(stage, action.crm, action.direction)))
      return ended.some((e) => e)
    }
    case 'crash':
      return !(await turn(stage, action.crm, action.direction, action))
    case 'hint': {
      const row = at(await stage.people[action.crm]!.rows(action.kind), action.pick)
      if (!row) return false
      const rt = runtimeOf(stage, action.crm)
      await inTx(stage, (tx) =>
        queues.touchInbox(tx, rt.id, [{ object: OBJECT[action.crm][action.kind], externalId: row.id }], 'webhook'),
      )
      return true
    }
    default:
      return unkind(story, action, next)
  }
}

/** A person types into one field of a row, somebody at Concordat into another: the poll that brings the first shows the second as it was. */
async function overtaken(story: Story, action: Extract<Action, { do: 'overtaken' }>, next: () => number): Promise<boolean> {
  const { stage } = story
  const { crm, kind } = action
  const row = at(await stage.people[crm]!.rows(kind), action.pick)
  const [link] = row ? await linksOf(stage, crm, kind, row.id) : []
  if (!row || !link) return false
  const [theirs, ours] = [fieldOf(action), fieldOf({ kind, field: action.field + 1 })]
  await type(story, stage.people, crm, kind, row, theirs, typed(theirs, next()), next)
  const value = typed(ours, next())
  const edited = await allowed(
    inTx(stage, (tx) => editRecord(tx, link.recordId, undefined, { [canonical(ours)]: toCanonical(ours, value) })),
  )
  if (edited)
    story.edits.push({
      seq: next(),
      where: 'api',
      kind,
      id: link.recordId,
      field: ours,
      value,
      saw: fromCanonical(link.fields[canonical(ours)]?.v ?? null),
    })
  stage.afterRead.set(crm, () => turn(stage, crm, 'push'))
  await turn(stage, crm, 'pull')
  stage.afterRead.delete(crm)
  return edited
}

/** Our write takes effect, nobody hears of it, and a person who sees the value clears it: it looks as if ours had never come. */
async function clearedUnheard(
  story: Story,
  action: Extract<Action, { do: 'cleared_unheard' }>,
  next: () => number,
): Promise<boolean> {
  const { stage } = story
  const { crm, kind } = action
  const row = at(await stage.people[crm]!.rows(kind), action.pick)
  const [link] = row ? await linksOf(stage, crm, kind, row.id) : []
  const field = row && EDITED[kind].find((f) => (row.values[f] ?? null) === null)
  if (!row || !link || !field || link.fields[canonical(field)]?.v != null) return false
  const value = typed(field, next())
  const edited = await allowed(
    inTx(stage, (tx) => editRecord(tx, link.recordId, undefined, { [canonical(field)]: toCanonical(field, value) })),
  )
  if (!edited) return false
  story.edits.push({ seq: next(), where: 'api', kind, id: link.recordId, field, value, saw: null })
  let cleared = false
  stage.unheard.set(crm, async () => {
    const now = (await stage.people[crm]!.rows(kind)).find((r) => r.id === row.id)
    // Who has seen our value saves after us: no stamp of his is older than ours, however late he commits.
    worldOf(stage, 'salesforce').org.lateCommitMs = 0
    cleared = now?.values[field] === value && (await type(story, stage.people, crm, kind, now, field, null, next))
  })
  await turn(stage, crm, 'push')
  stage.unheard.delete(crm)
  return cleared
}

const linksOf = (stage: Story['stage'], crm: Crm, kind: Kind, externalId: string) =>
  inTx(stage, (tx) =>
    rows(
      tx,
      sql<{
        recordId: string
        fields: Record<string, { v: unknown }>
      }>`select record.id as "recordId", record.fields from link join record on record.id = link.record_id
      where link.connection_id = ${runtimeOf(stage, crm).id} and link.object = ${OBJECT[crm][kind]} and link.external_id = ${externalId} and link.state = 'live' and record.deleted_at is null`,
    ),
  )
