import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { seeded } from '../../sandbox/faults.ts'
import { type SandboxInfo, startSandbox } from '../../sandbox/sandbox.ts'
import { WORKSPACE } from '../../src/app.ts'
import { connect } from '../../src/connect.ts'
import { Vault } from '../../src/secrets.ts'
import { listConnections } from '../../store/connections.ts'
import { Database } from '../../store/database.ts'
import { call } from '../support/crms.ts'
import { Program, until } from '../support/program.ts'
import type { OwnServices } from '../support/services.ts'
import type { Crm, Kind } from './history.ts'
import { judge, type Violation } from './oracle.ts'
import { hubspotPeople, type People, salesforcePeople } from './people.ts'
import { assemble, comeToRest, TRACKED } from './stage.ts'
import { at, EDITABLE, make, newStory, type Story, touch, type, typed } from './story.ts'

/**
 * The real program, killed with SIGKILL at random moments while people work in both CRMs, started again, and judged in
 * the end by the same oracle as the histories.
 */

/** A start takes about so long, and some work is done in so much time. */
const START_MS = 4_000
const WORK_MS = 3_000
const PATIENCE_MS = 60_000
/** Every so often a service goes as well. */
const OUTAGE_EVERY = 7

export async function runKills(
  count: number,
  seed: number,
  services: OwnServices | undefined,
  say: (text: string) => void,
): Promise<Violation[]> {
  const random = seeded(seed)
  const env = { LOG_LEVEL: 'error', ...(services && { DATABASE_URL: services.databaseUrl, REDIS_URL: services.redisUrl }) }
  const program = await Program.make(services ? 'none' : 'given')
  const story = newStory()
  let seq = 0
  const next = () => ++seq
  try {
    const info = await begin(program, story, next)
    const people: Record<string, People> = peopleOf(info)
    for (let n = 1; n <= count; n++) {
      const child = program.spawn(['start'], { ...env, PORT: '0' })
      // One in three dies while it starts, the others at some moment after the CRMs are up.
      const early = random() < 0.33
      let end = Date.now() + (early ? Math.floor(random() * START_MS) : PATIENCE_MS)
      let up = false
      while (Date.now() < end && child.exitCode === null) {
        if (!up && (await track(info))) {
          up = true
          if (!early) end = Date.now() + Math.floor(random() * WORK_MS)
        }
        if (up) await somebody(story, people, random, next).catch(ignoreDown)
        await wait(20 + Math.floor(random() * 60))
      }
      if (services && n % OUTAGE_EVERY === 0)
        await (n % (2 * OUTAGE_EVERY) === 0 ? services.restartPostgres() : services.flushRedis())
      if (child.exitCode !== null && child.exitCode !== 0 && !services)
        story.wrong.push({
          promise: 'it starts again',
          what: `start ${n} ended with ${child.exitCode}: ${child.output().stderr.slice(-500)}`,
        })
      child.kill('SIGKILL')
      await dead(child)
      if (n % 10 === 0) say(`${n} kills, ${story.edits.length} edits`)
    }
    return await judged(program, story, env)
  } finally {
    await program.stop()
  }
}

/** The world before the first start: rows in Salesforce, and a company that only HubSpot has. */
async function begin(program: Program, story: Story, next: () => number): Promise<SandboxInfo> {
  const sandbox = await startSandbox({ folder: join(program.home, 'sandbox'), limits: false })
  const people = peopleOf(sandbox.info)
  const first = await make(story, people, 'salesforce', 'account', next)
  for (let i = 0; i < 4; i++) await make(story, people, 'salesforce', 'account', next)
  for (const kind of ['contact', 'deal'] as const)
    for (let i = 0; i < 4; i++) await make(story, people, 'salesforce', kind, next, first)
  await make(story, people, 'hubspot', 'account', next)
  await sandbox.stop()
  return sandbox.info
}

const peopleOf = (info: SandboxInfo): Record<string, People> => ({
  salesforce: salesforcePeople({ info }),
  hubspot: hubspotPeople({ info }),
})

/** Lets Salesforce keep a history of what people edit. @returns whether the local CRMs are up. */
const track = (info: SandboxInfo): Promise<boolean> =>
  call(`${info.controlUrl}/settings`, 'POST', '', { salesforceTrackedFields: TRACKED }).then(
    (answer) => answer.status === 200,
    () => false,
  )

/** One person does one thing. */
async function somebody(story: Story, people: Record<string, People>, random: () => number, next: () => number): Promise<void> {
  const crm: Crm = random() < 0.5 ? 'salesforce' : 'hubspot'
  const kind = at<Kind>(['account', 'contact', 'deal'], Math.floor(random() * 3))!
  const dice = random()
  if (dice < 0.08) return void (await make(story, people, crm, kind, next))
  const row = at(await people[crm]!.rows(kind), Math.floor(random() * 50))
  if (!row) return
  if (dice < 0.11) {
    touch(story, 'delete', crm, row.id, next)
    return void (await people[crm]!.remove(kind, row.id))
  }
  const field = at(EDITABLE[kind], Math.floor(random() * 3))!
  await type(story, people, crm, kind, row, field, dice < 0.16 ? null : typed(field, next()), next)
}

/** The CRMs live in the process that is killed: nobody works in them while it is down. */
function ignoreDown(error: unknown): void {
  if (!(error instanceof TypeError)) throw error
}

const dead = (child: { exitCode: number | null; signalCode: NodeJS.Signals | null }): Promise<void> =>
  until('it is dead', () => child.exitCode !== null || child.signalCode !== null)

/** What the program has left behind, brought to rest in this process and looked at. */
async function judged(program: Program, story: Story, env: Record<string, string>): Promise<Violation[]> {
  const { home } = program
  const sandbox = await startSandbox({ folder: join(home, 'sandbox'), limits: false })
  const url = env.DATABASE_URL ?? program.env.DATABASE_URL
  const db = await Database.open(url ? { url } : { folder: join(home, 'pglite') })
  try {
    await db.ensureWorkspace(WORKSPACE, 'default')
    const vault = Vault.open(undefined, join(home, 'key'))
    const stored = await db.transaction(WORKSPACE, listConnections)
    const pace = { firstRetryMs: 1, longestWaitMs: 0 }
    const runtimes = await Promise.all(stored.map((row) => connect(db, WORKSPACE, vault, row, pace)))
    story.stage = assemble(db, WORKSPACE, runtimes, [sandbox])
    story.rested = await comeToRest(story.stage)
    return await judge(story)
  } finally {
    await db.close()
    await sandbox.stop()
  }
}
