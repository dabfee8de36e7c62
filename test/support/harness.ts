import { randomBytes, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import pg from 'pg'
import type { Settings } from '../../sandbox/control.ts'
import { type Sandbox, type SandboxOptions, startSandbox } from '../../sandbox/sandbox.ts'
import { connect } from '../../src/connect.ts'
import { Vault } from '../../src/secrets.ts'
import { Database, rows, type Tx } from '../../store/database.ts'
import { type DrainResult, drain } from '../../sync/drain.ts'
import { DEFAULT_TIMING, type Engine, inTransaction, type Timing } from '../../sync/engine.ts'
import type { Verification } from '../../sync/verify/compare.ts'
import { verify } from '../../sync/verify/verify.ts'
import { type Answer, call, storeConnections } from './crms.ts'

/** Two local CRMs, a store and an engine, for tests that speak real HTTP. */

let database: Promise<Database> | undefined
let dropDatabase: (() => Promise<void>) | undefined

/** Each test has a workspace of its own. Embedded, one database serves all files of a worker: it takes seconds to start. */
export function testDatabase(): Promise<Database> {
  database ??= openDatabase()
  return database
}

async function openDatabase(): Promise<Database> {
  const url = process.env.DATABASE_URL
  if (!url) return Database.open({})
  const name = `concordat_test_${randomUUID().replaceAll('-', '')}`
  const admin = new pg.Client({ connectionString: url })
  await admin.connect()
  await admin.query(`create database ${name}`)
  await admin.end()
  dropDatabase = async () => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query(`drop database if exists ${name} with (force)`)
    await client.end()
  }
  return Database.open({ url: Object.assign(new URL(url), { pathname: `/${name}` }).href })
}

export async function closeDatabase(): Promise<void> {
  if (!process.env.DATABASE_URL) return
  await (await database)?.close()
  await dropDatabase?.()
  database = undefined
}

/** Scaled down: a test waits for conditions, not for the protocol's minutes. */
const QUICK: Timing = {
  ...DEFAULT_TIMING,
  flight: { salesforce: 0, hubspot: 0, sandbox: 50 },
  overlapEvery: 0,
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into CRM answers freely
type Loose = any

export class Harness {
  readonly sandbox: Sandbox
  readonly engine: Engine

  private constructor(sandbox: Sandbox, engine: Engine) {
    this.sandbox = sandbox
    this.engine = engine
  }

  static async start(options: SandboxOptions = {}, settings: Settings = {}): Promise<Harness> {
    const sandbox = await startSandbox({ limits: false, ...options })
    sandbox.world.configure(settings)
    const db = await testDatabase()
    const workspace = randomUUID()
    await db.ensureWorkspace(workspace, 'test')
    const vault = new Vault(randomBytes(32))
    const stored = await storeConnections(db, workspace, vault, [sandbox.info])
    const runtimes = await Promise.all(stored.map((row) => connect(db, workspace, vault, row)))
    return new Harness(sandbox, {
      db,
      workspace,
      runtimes,
      timing: { ...QUICK },
      nudge: () => {},
      log: () => {},
    })
  }

  sync(timeoutMs = 30_000): Promise<DrainResult> {
    return drain(this.engine, { timeoutMs })
  }

  /** A sync in which the slow scan is due, once. */
  async scan(): Promise<void> {
    await this.query(`update lane_object set state = state || '{"scanAt":0}' returning 1`)
    await this.sync()
  }

  verify(): Promise<Verification> {
    return verify(this.engine)
  }

  tx<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return inTransaction(this.engine, work)
  }

  query<T>(text: string): Promise<T[]> {
    return this.tx((tx) => rows(tx, sql<T>`${sql.raw(text)}`))
  }

  /** A person's call to Salesforce. */
  sf(method: string, path: string, body?: unknown): Promise<Answer> {
    return call(
      `${this.sandbox.info.salesforce.instanceUrl}/services/data/v60.0${path}`,
      method,
      this.sandbox.info.salesforce.personToken,
      body,
    )
  }

  /** A person's call to HubSpot. */
  hs(method: string, path: string, body?: unknown): Promise<Answer> {
    return call(`${this.sandbox.info.hubspot.baseUrl}${path}`, method, this.sandbox.info.hubspot.personToken, body)
  }

  async control(path: string, body: unknown): Promise<void> {
    const answer = await call(`${this.sandbox.info.controlUrl}${path}`, 'POST', '', body)
    if (answer.status !== 200) throw new Error(`control ${path}: ${JSON.stringify(answer.body)}`)
  }

  async createAccount(fields: Record<string, unknown>): Promise<string> {
    return (await this.sf('POST', '/sobjects/Account', fields)).body.id
  }

  async createCompany(properties: Record<string, unknown>): Promise<string> {
    return (await this.hs('POST', '/crm/v3/objects/companies', { properties })).body.id
  }

  async account(id: string): Promise<Record<string, Loose>> {
    return (await this.sf('GET', `/sobjects/Account/${id}`)).body
  }

  /** A person's SOAP call to Salesforce. */
  async soap(name: string, content: string): Promise<void> {
    const { instanceUrl, personToken } = this.sandbox.info.salesforce
    const answer = await fetch(`${instanceUrl}/services/Soap/u/60.0`, {
      method: 'POST',
      headers: { 'content-type': 'text/xml', soapaction: '""' },
      body: `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com"><e:Header><SessionHeader><sessionId>${personToken}</sessionId></SessionHeader></e:Header><e:Body><${name}>${content}</${name}></e:Body></e:Envelope>`,
    })
    const text = await answer.text()
    if (!text.includes('<success>true</success>')) throw new Error(text)
  }

  /** Takes a Salesforce row out of the recycle bin. */
  undelete(id: string): Promise<void> {
    return this.soap('undelete', `<ids>${id}</ids>`)
  }

  /** One HubSpot record with the properties that tests look at. */
  async object(type: string, id: string, properties: string[]): Promise<Record<string, string | null>> {
    return (await this.hs('GET', `/crm/v3/objects/${type}/${id}?properties=${properties.join(',')}`)).body.properties
  }

  /** The external id, in the other CRM, of the record that a row is linked to. */
  async twinOf(externalId: string, connection: 'salesforce' | 'hubspot'): Promise<string | undefined> {
    const found = await this.query<{ id: string }>(
      `select o.external_id as id from link l join link o on o.record_id = l.record_id and o.id <> l.id join connection c on c.id = o.connection_id where l.external_id = '${externalId}' and c.name = '${connection}' and o.state = 'live'`,
    )
    return found[0]?.id
  }

  async stop(): Promise<void> {
    await this.sandbox.stop()
  }
}
