import { createHash, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts'
import type { WorldOptions } from '../sandbox/world/generate.ts'
import { dropFinding } from '../store/conflicts.ts'
import {
  type ConnectionRow,
  installation,
  listConnections,
  overrideUser,
  putConnection,
  setWrites,
  userOverrides,
} from '../store/connections.ts'
import { Database } from '../store/database.ts'
import { recordsOfUser } from '../store/queries.ts'
import { touchOutbox } from '../store/queues.ts'
import { DEFAULT_TIMING, type Engine, inTransaction } from '../sync/engine.ts'
import { type Jobs, pingRedis, startJobs } from '../sync/jobs.ts'
import { endLeftRuns } from '../sync/runs.ts'
import { acquaint, type Runtime } from '../sync/runtime.ts'
import { channelsOf } from './channels.ts'
import { type Config, ConfigError } from './config.ts'
import { connect } from './connect.ts'
import type { Secrets } from './credentials.ts'
import type { Log } from './log.ts'
import { Vault } from './secrets.ts'

/** The one workspace of a single installation. */
export const WORKSPACE = '6d2c1d8e-3f5b-4c62-9f0d-0c04c0deda7a'

export interface AppOptions {
  config: Config
  log: Log
  /** What to fill the local CRMs with, when there are none yet. */
  world?: WorldOptions
  importFrom?: string | undefined
  /** Log in to the CRMs. Without it only the store is opened. */
  crms: boolean
  /** Says what is going on, for people. */
  say?: (text: string) => void
}

/** Tells other credentials from the same ones, without telling anything else of them. */
const fingerprint = (secrets: Secrets): string => createHash('sha256').update(JSON.stringify(secrets)).digest('hex')

/** The first line of an error; a refused connection carries its reason inside. */
const reason = (error: Error & { code?: string; errors?: Error[] }) =>
  (error.message || error.errors?.[0]?.message || error.code || String(error)).split('\n')[0]!

/** The composition root: everything that runs, wired together. */
export class App {
  readonly config: Config
  readonly log: Log
  readonly db: Database
  readonly engine: Engine
  readonly sandbox: Sandbox | undefined
  readonly startedAt = Date.now()
  readonly #vault: Vault
  jobs: Jobs | undefined
  /** Where the API listens. */
  port: number
  /** Set once the first sync is through. */
  firstSyncDone = false
  /** Calls per connection when the sync had ended, before verify read everything again. */
  syncCalls: Record<string, number> = {}

  private constructor(options: AppOptions, db: Database, engine: Engine, vault: Vault, sandbox: Sandbox | undefined) {
    this.config = options.config
    this.port = options.config.port
    this.log = options.log
    this.db = db
    this.engine = engine
    this.#vault = vault
    this.sandbox = sandbox
  }

  static async open(options: AppOptions): Promise<App> {
    const { config, log, say = () => {} } = options
    const vault = Vault.open(config.key, join(config.home, 'key'))
    const db = await Database.open(
      config.databaseUrl ? { url: config.databaseUrl } : { folder: join(config.home, 'pglite') },
    ).catch((error: Error) => {
      throw config.databaseUrl
        ? new ConfigError(`DATABASE_URL: ${reason(error)}; check that the server runs and the database exists`)
        : error
    })
    if (config.redisUrl) {
      await pingRedis(config.redisUrl).catch((error: Error) => {
        throw new ConfigError(`REDIS_URL: ${reason(error)}; check that the server runs, or leave REDIS_URL out`)
      })
    }
    await db.ensureWorkspace(WORKSPACE, 'default')
    const real = config.salesforce !== undefined || config.hubspot !== undefined
    let sandbox: Sandbox | undefined
    if (options.crms && !real) {
      say('Starting a local Salesforce and a local HubSpot')
      sandbox = await startSandbox({
        folder: join(config.home, 'sandbox'),
        limits: config.sandboxLimits,
        ...(options.world && { world: options.world }),
        ...(options.importFrom && { importFrom: options.importFrom }),
      })
    }
    const engine: Engine = {
      db,
      workspace: WORKSPACE,
      runtimes: [],
      timing: DEFAULT_TIMING,
      nudge: () => {},
      log: (level, message, detail) => log[level](detail ?? {}, message),
    }
    const app = new App(options, db, engine, vault, sandbox)
    if (options.crms) {
      await app.#storeConnections(sandbox)
      say('Connecting')
      const stored = await inTransaction(engine, listConnections)
      engine.runtimes = await Promise.all(
        stored.filter((row) => row.sandbox === (sandbox !== undefined)).map((row) => connect(db, WORKSPACE, vault, row)),
      )
      acquaint(engine.runtimes)
    }
    return app
  }

  /** Starts the lanes: from now on both CRMs are kept in agreement. */
  async startJobs(): Promise<void> {
    // A queue of its own for each database: two installations on one Redis must not take each other's jobs.
    const queueName = `lanes-${await inTransaction(this.engine, installation)}`
    await inTransaction(this.engine, endLeftRuns)
    this.jobs = await startJobs(this.engine, {
      redisUrl: this.config.redisUrl,
      queueName,
      channels: channelsOf(this.config, () => this.config.publicUrl ?? `http://127.0.0.1:${this.port}`),
    })
    this.engine.nudge = (connectionId, direction) => this.jobs?.nudge(connectionId, direction)
    for (const rt of this.engine.runtimes) for (const direction of ['pull', 'push'] as const) this.jobs.nudge(rt.id, direction)
  }

  runtime(name: string): Runtime | undefined {
    return this.engine.runtimes.find((r) => r.name === name || r.id === name)
  }

  /** Client secrets of the HubSpot connections, for webhook signatures. */
  hubspotTargets(): { id: string; portal: string; clientSecret: string; objects: string[] }[] {
    const secret = this.sandbox?.info.hubspot.clientSecret ?? this.config.hubspot?.clientSecret
    if (!secret) return []
    return this.engine.runtimes
      .filter((r) => r.kind === 'hubspot')
      .map((r) => ({ id: r.id, portal: r.account.id, clientSecret: secret, objects: r.objects }))
  }

  /**
   * Says who a user is in a CRM where the e-mail addresses differ (null takes it back); what waited for it is sent.
   * Answers false when there is no such connection, or nobody there has that address.
   */
  async overrideUser(name: string, email: string, there: string | null): Promise<boolean> {
    const rt = this.runtime(name)
    if (!rt || (there !== null && !rt.people.some((u) => u.email.toLowerCase() === there))) return false
    await inTransaction(this.engine, async (tx) => {
      await overrideUser(tx, rt.id, email, there)
      rt.overrides = await userOverrides(tx, rt.id)
      acquaint(this.engine.runtimes)
      await dropFinding(tx, rt.id, 'unmatched_user', email)
      await touchOutbox(tx, await recordsOfUser(tx, email))
    })
    this.nudgeWriters()
    return true
  }

  /** Tells every push lane that there may be something to write. */
  nudgeWriters(): void {
    for (const rt of this.engine.runtimes) this.engine.nudge(rt.id, 'push')
  }

  async setWrites(name: string, enabled: boolean): Promise<boolean> {
    const known = await inTransaction(this.engine, (tx) => setWrites(tx, name, enabled))
    const rt = this.runtime(name)
    if (known && enabled && rt) this.engine.nudge(rt.id, 'push')
    return known
  }

  async close(): Promise<void> {
    await this.jobs?.close()
    await this.sandbox?.stop()
    await this.db.close()
  }

  async #storeConnections(sandbox: Sandbox | undefined): Promise<void> {
    const { salesforce, hubspot } = this.config
    const rows: { kind: ConnectionRow['kind']; config: Record<string, string>; secrets: Secrets }[] = []
    if (sandbox) {
      const { salesforce: s, hubspot: h } = sandbox.info
      rows.push({
        kind: 'salesforce',
        config: { instanceUrl: s.instanceUrl },
        secrets: {
          kind: 'refresh',
          tokenUrl: `${s.loginUrl}/services/oauth2/token`,
          clientId: s.clientId,
          clientSecret: s.clientSecret,
          refreshToken: s.refreshToken,
        },
      })
      rows.push({
        kind: 'hubspot',
        config: { baseUrl: h.baseUrl },
        secrets: { kind: 'token', accessToken: h.accessToken },
      })
    } else {
      if (salesforce)
        rows.push({
          kind: 'salesforce',
          config: { instanceUrl: salesforce.instanceUrl },
          secrets: {
            kind: 'refresh',
            tokenUrl: `${salesforce.instanceUrl}/services/oauth2/token`,
            clientId: salesforce.clientId,
            clientSecret: salesforce.clientSecret,
            refreshToken: salesforce.refreshToken,
          },
        })
      if (hubspot)
        rows.push({
          kind: 'hubspot',
          config: {},
          secrets: { kind: 'token', accessToken: hubspot.accessToken },
        })
    }
    await inTransaction(this.engine, async (tx) => {
      for (const [position, row] of rows.entries()) {
        // A real CRM is written to only after a person has switched it on.
        await putConnection(tx, {
          id: randomUUID(),
          name: sandbox ? row.kind : `${row.kind}-live`,
          kind: row.kind,
          position,
          config: { ...row.config, given: fingerprint(row.secrets) },
          secrets: this.#vault.seal(row.secrets),
          sandbox: sandbox !== undefined,
          writesEnabled: sandbox !== undefined,
        })
      }
    })
  }
}
