import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import type { UpdateRequest } from '../../connectors/connector.ts'
import { CrmError } from '../../connectors/errors.ts'
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.ts'
import { connect } from '../../src/connect.ts'
import { defaultMappings } from '../../src/default-mappings.ts'
import { Vault } from '../../src/secrets.ts'
import { approveBrakes } from '../../store/attention.ts'
import type { Database } from '../../store/database.ts'
import { rows, type Tx } from '../../store/database.ts'
import { FenceLost } from '../../store/lanes.ts'
import { activateMapping } from '../../store/mappings.ts'
import { isQuiet, laneState } from '../../sync/drain.ts'
import { DEFAULT_TIMING, type Engine, inTransaction } from '../../sync/engine.ts'
import { pullSlice } from '../../sync/pull/pull.ts'
import { pushSlice } from '../../sync/push/push.ts'
import { activate, redescribe, refreshMappings } from '../../sync/remap.ts'
import { acquaint, mappingOf, type Runtime } from '../../sync/runtime.ts'
import { storeConnections } from '../support/crms.ts'
import type { Crm, Kind } from './history.ts'
import { hubspotPeople, type People, salesforcePeople } from './people.ts'
import { showAll } from './unkind.ts'

/** Two or three CRMs, a workspace of its own and an engine, in virtual time: nothing waits for a clock. */

/** How late a request may land, and for how long a write without an answer is left alone: real milliseconds. */
export const LATE_MS = 8
const FLIGHT_MS = 1_000
const MINUTE = 60_000
/** Fields of which Salesforce keeps a history: those that people edit, but for long text. */
export const TRACKED: Record<string, string[]> = {
  Account: ['BillingCity', 'Phone', 'NumberOfEmployees'],
  Contact: ['Title', 'Phone'],
  Opportunity: ['NextStep', 'Amount'],
}
/** Entities that are kept in agreement. */
const KEPT: ReadonlySet<string> = new Set(['account', 'contact', 'deal'])

export interface Stage {
  db: Database
  engine: Engine
  workspace: string
  crms: Crm[]
  sandboxes: Sandbox[]
  people: Record<string, People>
  /** Somebody saves just as the next update of a CRM leaves. */
  beforeUpdate: Map<Crm, (request: UpdateRequest) => Promise<void>>
  /** Something happens between the answer to a poll and its merge. */
  afterRead: Map<Crm, () => Promise<unknown>>
  /** The answer to the next update is lost, after this has happened. */
  unheard: Map<Crm, () => Promise<unknown>>
  /** Faults are pending that may take effect a little later. */
  late: boolean
  stop(): Promise<void>
}

export const worldOf = (stage: Stage, crm: Crm) => stage.sandboxes[crm === 'second' ? 1 : 0]!.world
export const runtimeOf = (stage: Stage, crm: Crm): Runtime => stage.engine.runtimes.find((r) => r.name === crm)!

/** @param three with a second HubSpot portal, in which no contacts are kept. */
export async function openStage(db: Database, three: boolean): Promise<Stage> {
  const sandboxes = await Promise.all((three ? [0, 1] : [0]).map(() => startSandbox({ limits: false })))
  const workspace = randomUUID()
  await db.ensureWorkspace(workspace, 'converge')
  const vault = new Vault(randomBytes(32))
  const stored = await storeConnections(
    db,
    workspace,
    vault,
    sandboxes.map((x) => x.info),
    three ? ['hubspot', 'second'] : ['hubspot'],
  )
  await db.transaction(workspace, async (tx) => {
    for (const { id, kind } of stored)
      for (const document of defaultMappings(kind).filter((d) => KEPT.has(d.entity)))
        await activateMapping(tx, id, document.entity, document)
  })
  const runtimes = await Promise.all(
    stored.map((row) => connect(db, workspace, vault, row, { firstRetryMs: 1, longestWaitMs: 0 })),
  )
  const stage = assemble(db, workspace, runtimes, sandboxes)
  if (three) {
    const second = runtimeOf(stage, 'second')
    const contacts = mappingOf(second, 'contact')!.document
    await inTx(stage, (tx) => activate(tx, second, { ...contacts, write: false }))
    await refreshMappings(stage.engine, second)
  }
  return stage
}

/** An engine over CRMs and a store, in virtual time. */
export function assemble(db: Database, workspace: string, runtimes: Runtime[], sandboxes: Sandbox[]): Stage {
  acquaint(runtimes)
  const engine: Engine = {
    db,
    workspace,
    runtimes,
    timing: {
      ...DEFAULT_TIMING,
      flight: { salesforce: 0, hubspot: 0, sandbox: FLIGHT_MS },
      overlapEvery: 0,
      // Longer than search may lag.
      hold: (rt, entity) => (rt.kind === 'hubspot' && entity !== 'contact' ? 5_000 : 0),
    },
    nudge: () => {},
    log: () => {},
  }
  const stage: Stage = {
    db,
    engine,
    workspace,
    crms: runtimes.map((r) => r.name as Crm),
    sandboxes,
    people: {
      salesforce: salesforcePeople(sandboxes[0]!),
      hubspot: hubspotPeople(sandboxes[0]!),
      ...(sandboxes[1] && { second: hubspotPeople(sandboxes[1]) }),
    },
    beforeUpdate: new Map(),
    afterRead: new Map(),
    unheard: new Map(),
    late: false,
    async stop() {
      await Promise.all(sandboxes.map((x) => x.stop()))
    },
  }
  for (const rt of runtimes) {
    const { connector } = rt
    const update = connector.update.bind(connector)
    connector.update = async (request) => {
      const save = stage.beforeUpdate.get(rt.name as Crm)
      stage.beforeUpdate.delete(rt.name as Crm)
      await save?.(request)
      const outcomes = await update(request)
      const happens = stage.unheard.get(rt.name as Crm)
      if (!happens) return outcomes
      stage.unheard.delete(rt.name as Crm)
      await happens()
      throw new CrmError('unknown_outcome', 'the answer was lost')
    }
    const changes = connector.changes.bind(connector)
    connector.changes = async (requests) => {
      const pages = await changes(requests)
      const happens = stage.afterRead.get(rt.name as Crm)
      stage.afterRead.delete(rt.name as Crm)
      await happens?.()
      return pages
    }
  }
  for (const { world } of sandboxes) {
    // Nothing listens: histories take events by hand.
    world.webhooks.target = 'http://127.0.0.1:9'
    world.webhooks.delayMs = Number.POSITIVE_INFINITY
    world.configure({ salesforceTrackedFields: TRACKED })
  }
  return stage
}

export const inTx = <T>(stage: Stage, work: (tx: Tx) => Promise<T>): Promise<T> => inTransaction(stage.engine, work)

export const query = <T>(stage: Stage, text: string): Promise<T[]> => inTx(stage, (tx) => rows(tx, sql<T>`${sql.raw(text)}`))

/** Lets time pass in the CRMs and for everything that was put off. */
export async function passTime(stage: Stage, ms = MINUTE): Promise<void> {
  while (stage.late && stage.sandboxes.some(({ world }) => world.faults.landing > 0)) await wait(2)
  stage.late = false
  for (const { world } of stage.sandboxes) world.clock.advance(ms)
  await inTx(stage, async (tx) => {
    for (const table of ['inbox', 'outbox', 'undo_step', 'watch', 'trace'])
      await sql`update ${sql.table(table)} set not_before = not_before - ${ms} * interval '1 millisecond' where not_before > '-infinity'`.execute(
        tx,
      )
    await sql`update record set created_at = created_at - ${ms} * interval '1 millisecond'`.execute(tx)
    await sql`update outbox set born = born - ${ms} * interval '1 millisecond' where born is not null`.execute(tx)
    await sql`update lane_object set state = state || jsonb_build_object('done', (state ->> 'done')::numeric - ${ms}::int, 'overlapAt', (state ->> 'overlapAt')::numeric - ${ms}::int)
      where (state ->> 'done')::numeric > 0`.execute(tx)
    await sql`update lane_object set state = jsonb_set(state, '{readAt}', to_jsonb((state ->> 'readAt')::bigint - ${ms}::bigint)) where state ? 'readAt'`.execute(
      tx,
    )
    await sql`update open_write set sent_at = sent_at - ${ms} * interval '1 millisecond', answered_at = answered_at - ${ms} * interval '1 millisecond'`.execute(
      tx,
    )
  })
}

/** The process that ran a lane is gone. */
export class Died extends Error {}

/** An engine that dies at its nth transaction: before it commits, or right after. */
function mortal(engine: Engine, after: number, committed: boolean): Engine {
  let left = after
  let dead = false
  const transaction: Database['transaction'] = async (workspace, work, durability) => {
    if (dead) throw new Died()
    if (left-- > 0) return engine.db.transaction(workspace, work, durability)
    dead = true
    if (committed) await engine.db.transaction(workspace, work, durability)
    else
      await engine.db.transaction(workspace, async (tx) => {
        await work(tx)
        throw new Died()
      })
    throw new Died()
  }
  const db = new Proxy(engine.db, {
    get(target, name) {
      if (name === 'transaction') return transaction
      const value = Reflect.get(target, name, target) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return { ...engine, db }
}

/** Failures that a lane may end a turn with; any other is a defect. */
const isAllowed = (error: unknown): boolean =>
  error instanceof Died ||
  error instanceof FenceLost ||
  (error instanceof CrmError && (error.transient || ENDS_A_TURN.has(error.class)))
const ENDS_A_TURN = new Set(['unknown_field', 'quota_exhausted', 'unknown_outcome', 'auth_expired', 'no_access', 'locked'])

/** One turn of a lane. @returns whether it ended by itself. */
export async function turn(
  stage: Stage,
  crm: Crm,
  direction: 'pull' | 'push',
  death?: { after: number; committed: boolean },
): Promise<boolean> {
  const engine = death ? mortal(stage.engine, death.after, death.committed) : stage.engine
  const rt = runtimeOf(stage, crm)
  try {
    if (direction === 'pull') await pullSlice(engine, rt, { polling: 'all' })
    else await pushSlice(engine, rt)
    return true
  } catch (error) {
    if (!isAllowed(error)) throw error
    // A field or an object went: what is left is read without it, as the jobs do.
    if (error instanceof CrmError && error.class === 'unknown_field') await redescribe(stage.engine, rt).catch(() => {})
    if (death) rt.runs = {}
    return false
  }
}

export async function askForScan(stage: Stage, crm: Crm): Promise<void> {
  await query(
    stage,
    `update lane_object set state = state || '{"scanAt":0}' where connection_id = '${runtimeOf(stage, crm).id}' returning 1`,
  )
}

/** Rounds after which everything must have come to rest. */
const ROUNDS = 40

/** Faults end, brakes are released, and the lanes work by polls alone until nothing is left to do without a person. */
export async function comeToRest(stage: Stage): Promise<boolean> {
  for (const { world } of stage.sandboxes) {
    world.faults.set([])
    world.configure({ searchLagMs: 0, salesforceLateCommitMs: 0 })
  }
  stage.beforeUpdate.clear()
  if (showAll(stage)) for (const rt of stage.engine.runtimes) await redescribe(stage.engine, rt)
  await passTime(stage)
  return settle(stage)
}

/** And then by complete comparisons, twice: what they find is compared once more. */
export async function compareAll(stage: Stage): Promise<boolean> {
  for (let i = 0; i < 2; i++) {
    for (const crm of stage.crms) await askForScan(stage, crm)
    if (!(await settle(stage))) return false
  }
  return true
}

async function settle(stage: Stage): Promise<boolean> {
  for (let round = 0; round < ROUNDS; round++) {
    for (const direction of ['pull', 'push'] as const) await Promise.all(stage.crms.map((crm) => turn(stage, crm, direction)))
    await passTime(stage)
    await inTx(stage, (tx) => approveBrakes(tx))
    const states = await Promise.all(stage.engine.runtimes.map((rt) => laneState(stage.engine, rt)))
    if (states.every(isQuiet)) return true
  }
  return false
}

export const OBJECT: Record<Crm, Record<Kind, string>> = {
  salesforce: { account: 'Account', contact: 'Contact', deal: 'Opportunity' },
  hubspot: { account: 'companies', contact: 'contacts', deal: 'deals' },
  second: { account: 'companies', contact: 'contacts', deal: 'deals' },
}
