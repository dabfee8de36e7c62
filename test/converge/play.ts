import { sql } from 'kysely'
import { rows } from '../../store/database.ts'
import * as queues from '../../store/queues.ts'
import * as undos from '../../store/undo.ts'
import { deleteRecord, EditRefused, editRecord } from '../../sync/edit.ts'
import { decideFrozen } from '../../sync/frozen.ts'
import { resolveConflicts } from '../../sync/resolve.ts'
import { planUndo } from '../../sync/undo/plan.ts'
import { type Action, type Crm, EDITED, type Kind } from './history.ts'
import type { Field, Row } from './people.ts'
import {
  askForScan,
  comeToRest,
  inTx,
  LATE_MS,
  OBJECT,
  openStage,
  passTime,
  runtimeOf,
  type Stage,
  turn,
  worldOf,
} from './stage.ts'

/** Plays a history, and keeps what people did as only they know it: the oracle judges by that. */

/** Somebody typed a value (null: cleared it) into a field that showed him another. */
export interface Edit {
  seq: number
  where: Crm | 'api'
  kind: Kind
  /** The row's id in that CRM; of an API edit the record's id. */
  id: string
  field: Field
  value: string | null
  saw: string | null
}

/** A row that somebody made. */
export interface Made {
  crm: Crm
  kind: Kind
  id: string
  key: string
  private: string
}

export interface Story {
  stage: Stage
  edits: Edit[]
  made: Made[]
  /** Rows that people deleted, restored, merged, moved; records that they deleted or decided about. */
  touched: {
    what: 'delete' | 'restore' | 'merge' | 'move' | 'api_delete' | 'decide' | 'undo'
    crm: Crm | 'api'
    id: string
    seq: number
  }[]
  happened: Map<string, number>
  /** Whether everything came to rest at the end. */
  rested: boolean
  /** What went wrong at once. */
  wrong: { promise: string; what: string }[]
}

/** How the world begins: rows in Salesforce, and one company that only HubSpot has. */
const BEGINNING = { accounts: 2, contacts: 2, deals: 2 }

export async function play(db: Stage['db'], actions: readonly Action[], three: boolean): Promise<Story> {
  const stage = await openStage(db, three)
  const story: Story = { stage, edits: [], made: [], touched: [], happened: new Map(), rested: false, wrong: [] }
  try {
    let seq = 0
    const next = () => ++seq
    const accounts: string[] = []
    for (let i = 0; i < BEGINNING.accounts; i++) accounts.push((await make(story, 'salesforce', 'account', next))!)
    for (let i = 0; i < BEGINNING.contacts; i++) await make(story, 'salesforce', 'contact', next, accounts[i])
    for (let i = 0; i < BEGINNING.deals; i++) await make(story, 'salesforce', 'deal', next, accounts[0])
    await make(story, 'hubspot', 'account', next)
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

const count = (story: Story, name: string, n = 1) => void story.happened.set(name, (story.happened.get(name) ?? 0) + n)

/** Values that are typed: each of them once, and none part of another. */
function typed(field: Field, n: number): string {
  const four = String(n).padStart(4, '0')
  if (field === 'phone') return `+1415555${four}`
  if (field === 'employees') return `7${four}7`
  if (field === 'amount') return `8${four}8`
  return `word${four}.`
}

async function make(
  story: Story,
  crm: Crm,
  kind: Kind,
  next: () => number,
  parent?: string,
  key?: string,
): Promise<string | undefined> {
  const n = String(next()).padStart(4, '0')
  const own = key ?? { account: `a${n}.example.com`, contact: `c${n}@example.com`, deal: `Deal ${n}` }[kind]
  const id = await story.stage.people[crm]!.create(kind, { key: own, parent, private: `private${n}` })
  if (id) story.made.push({ crm, kind, id, key: own, private: `private${n}` })
  return id
}

const at = <T>(list: readonly T[], pick: number): T | undefined => (list.length === 0 ? undefined : list[pick % list.length])

async function act(story: Story, action: Action, next: () => number): Promise<void> {
  const { stage } = story
  const done = await perform(story, action, next)
  if (done) count(story, action.do === 'fault' ? `asked ${action.action}` : action.do)
  if (stage.crms.length > 2 && done) count(story, 'with three connections')
}

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
        type(story, action.crm, action.kind, row, field, action.do === 'clear' ? null : typed(field, next()), next)
      )
    }
    case 'edit_both':
    case 'edit_same': {
      const pair = at(await pairs(stage, action.kind), action.pick)
      if (!pair) return false
      const field = fieldOf(action)
      const value = typed(field, next())
      await type(story, 'salesforce', action.kind, pair.salesforce, field, value, next)
      return type(
        story,
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
      // One address in eight is one that HubSpot does not take: it refuses the whole batch.
      const odd = action.kind === 'contact' && action.crm === 'salesforce' && action.pick === 7 ? `c${next()}@nowhere` : undefined
      if (odd) await make(story, action.crm, action.kind, next, parent, odd)
      return (await make(story, action.crm, action.kind, next, parent)) !== undefined
    }
    case 'create_both': {
      const n = next()
      const key = action.kind === 'account' ? `b${n}.example.com` : `b${n}@example.com`
      await make(story, 'salesforce', action.kind, next, undefined, key)
      return (await make(story, 'hubspot', action.kind, next, undefined, key)) !== undefined
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
    case 'resolve': {
      const open = await inTx(stage, (tx) =>
        rows(
          tx,
          sql<OpenConflict>`select id, rev, record_id as "recordId", field, sides from conflict where state = 'open' order by opened_at, id`,
        ),
      )
      const conflict = at(open, action.pick)
      if (!conflict) return false
      const side = at(conflict.sides, action.pick)!.side
      const keep = side === 'hub' ? 'record' : stage.engine.runtimes.find((r) => r.id === side)!.name
      // Every second time somebody types into a side between the look and the answer.
      if (action.pick % 2 === 1) await typeInto(story, conflict, next)
      const stale = await changedSince(stage, conflict)
      const [answer] = await resolveConflicts(stage.engine, [{ id: conflict.id, rev: conflict.rev, choice: { keep } }])
      if (answer!.ok && stale)
        story.wrong.push({
          promise: 'a person settles what he saw',
          what: `conflict ${conflict.id} was settled although ${stale}`,
        })
      return answer!.ok
    }
    case 'decide': {
      const frozen = at(
        await inTx(stage, (tx) => rows(tx, sql<{ id: string }>`select id from record where frozen is not null order by id`)),
        action.pick,
      )
      if (!frozen) return false
      touch(story, 'decide', 'api', frozen.id, next)
      return allowed(inTx(stage, (tx) => decideFrozen(tx, stage.engine, frozen.id, action.pick % 2 === 0 ? 'keep' : 'delete')))
    }
    case 'undo': {
      const run = at(
        await inTx(stage, (tx) =>
          rows(tx, sql<{ id: string }>`select id from run where kind in ('push', 'undo') order by started_at desc, id desc`),
        ),
        action.pick % 3,
      )
      if (!run) return false
      return allowed(
        (async () => {
          const id = await planUndo(stage.engine, { run: run.id })
          touch(story, 'undo', 'api', id, next)
          return inTx(stage, (tx) => undos.startUndo(tx, id))
        })(),
      )
    }
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
    case 'fault': {
      const { world } = stage.sandboxes[0]!
      world.faults.add({ crm: action.crm, skip: action.skip, times: 1, action: action.action, delayMs: LATE_MS })
      if (action.action === 'land_late') stage.late = true
      return true
    }
    case 'search_lag':
      worldOf(stage, 'hubspot').portal.searchLagMs = 4_000
      return true
    case 'late_commit':
      worldOf(stage, 'salesforce').org.lateCommitMs = 90_000
      return true
    case 'expire': {
      const { world } = stage.sandboxes[0]!
      world.sessions.expireAll()
      return true
    }
  }
}

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
  if (field && row) await type(story, link.crm, link.entity, row, field, typed(field, next()), next)
}

const fieldOf = ({ kind, field }: { kind: Kind; field: number }): Field => EDITED[kind][field % EDITED[kind].length]!

const touch = (story: Story, what: Story['touched'][number]['what'], crm: Crm | 'api', id: string, next: () => number) =>
  void story.touched.push({ what, crm, id, seq: next() })

const kindOf = (story: Story, id: string): Kind | undefined => story.made.find((m) => m.id === id)?.kind

/** A person types into a field that shows him something; a value that is refused was never typed. */
async function type(
  story: Story,
  crm: Crm,
  kind: Kind,
  row: Row,
  field: Field,
  value: string | null,
  next: () => number,
): Promise<boolean> {
  // Nobody clears what is blank.
  if (value === null && (row.values[field] ?? null) === null) return false
  const ok = await story.stage.people[crm]!.edit(kind, row.id, field, value)
  if (ok) story.edits.push({ seq: next(), where: crm, kind, id: row.id, field, value, saw: row.values[field] ?? null })
  return ok
}

/** Rows of both CRMs that people know to be the same thing: by what tells them apart. */
async function pairs(stage: Stage, kind: Kind): Promise<{ salesforce: Row; hubspot: Row }[]> {
  const [left, right] = await Promise.all((['salesforce', 'hubspot'] as const).map((crm) => stage.people[crm]!.rows(kind)))
  return left!.flatMap((salesforce) => {
    const hubspot = right!.find((r) => r.key === salesforce.key)
    return hubspot ? [{ salesforce, hubspot }] : []
  })
}

const living = (stage: Stage, kind: Kind) =>
  inTx(stage, (tx) =>
    rows(
      tx,
      sql<{
        id: string
        fields: Record<string, { v: unknown }>
      }>`select id, fields from record where entity = ${kind} and deleted_at is null order by id`,
    ),
  )

/** The canonical name of what people edit. */
export const canonical = (field: Field): string => (field === 'city' ? 'address.city' : field)

const toCanonical = (field: Field, value: string) =>
  field === 'employees' ? Number(value) : field === 'amount' ? { amount: value, currency: 'USD' } : value

export const fromCanonical = (value: unknown): string | null => {
  if (value === null || value === undefined) return null
  if (typeof value === 'object' && 'amount' in value) return String(value.amount)
  return String(value)
}

/** Edits of a record through the API that it refuses are none. */
async function allowed(work: Promise<unknown>): Promise<boolean> {
  try {
    return (await work) !== false
  } catch (error) {
    if (error instanceof EditRefused) return false
    throw error
  }
}
