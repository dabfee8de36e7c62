import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { basename, join, resolve } from 'node:path'
import { type ServerType, serve } from '@hono/node-server'
import type { Hono } from 'hono'
import { Clock } from './clock.ts'
import { controlServer, type Settings } from './control.ts'
import { Faults } from './faults.ts'
import { Limits } from './hubspot/limits.ts'
import { type App, Tokens } from './hubspot/oauth.ts'
import { Portal } from './hubspot/portal.ts'
import { hubspotServer } from './hubspot/server.ts'
import { Webhooks } from './hubspot/webhooks.ts'
import { Journal } from './journal.ts'
import { INTEGRATION_USER, PERSON } from './salesforce/model.ts'
import { Org } from './salesforce/org.ts'
import { salesforceServer } from './salesforce/server.ts'
import { Sessions } from './salesforce/session.ts'
import { ImportError, type ImportReport } from './world/csv.ts'
import { generateWorld, type WorldOptions } from './world/generate.ts'
import { importFolder } from './world/import.ts'
import { seedPeople } from './world/people.ts'

/** Where to keep the two CRMs, what to fill them with, and how strict to be. */
export interface SandboxOptions {
  /** Folder for their journals; undefined keeps everything in memory. */
  folder?: string
  /** What to fill empty CRMs with; undefined leaves them with users only. */
  world?: WorldOptions
  /** CSV exports to fill them with instead. */
  importFrom?: string
  /** HubSpot's burst and search limits; false switches them off. */
  limits?: boolean
  labels?: boolean
  timeZone?: string
  ports?: { salesforce?: number; hubspot?: number; control?: number }
}

/** Credentials and addresses of the running CRMs. */
export interface SandboxInfo {
  salesforce: {
    instanceUrl: string
    loginUrl: string
    clientId: string
    clientSecret: string
    refreshToken: string
    personToken: string
  }
  hubspot: {
    baseUrl: string
    accessToken: string
    refreshToken: string
    personToken: string
    clientSecret: string
    appId: number
  }
  controlUrl: string
}

// Fixed, so that a second start finds the tokens that the first one stored. They open nothing but the sandbox.
const TOKENS = {
  salesforceRefresh: '5Aep861sandbox-integration-refresh',
  salesforcePerson: '00D5g000001AbCd!AQEAsandbox-person',
  hubspotApp: 'pat-na1-sandbox-integration',
  hubspotRefresh: 'na1-sandbox-integration-refresh',
  hubspotPerson: 'pat-na1-sandbox-person',
}
const APP: App = {
  clientId: 'sandbox-client',
  clientSecret: 'sandbox-client-secret',
  appId: 2_400_001,
  scopes: [
    'oauth',
    'crm.objects.companies.read',
    'crm.objects.companies.write',
    'crm.objects.contacts.read',
    'crm.objects.contacts.write',
    'crm.objects.deals.read',
    'crm.objects.deals.write',
  ],
}

const WORLD_AGE_MS = 30 * 86_400_000

/** The state of both CRMs and the switches over it. */
export class World {
  readonly clock = new Clock()
  readonly faults = new Faults()
  readonly org: Org
  readonly portal: Portal
  readonly sessions: Sessions
  readonly tokens = new Tokens()
  readonly limits: Limits
  readonly webhooks: Webhooks

  constructor(options: SandboxOptions) {
    const journal = (name: string) => new Journal(options.folder ? join(options.folder, `${name}.jsonl`) : undefined)
    this.org = new Org({ clock: this.clock, journal: journal('salesforce') })
    this.portal = new Portal({
      clock: this.clock,
      journal: journal('hubspot'),
      labels: options.labels ?? true,
      ...(options.timeZone && { timeZone: options.timeZone }),
    })
    this.org.locksRow = () => this.faults.locksRow()
    this.sessions = new Sessions(this.clock, this.org.id)
    this.limits = new Limits(this.clock, options.limits === false ? { burst: 0, searchPerSecond: 0 } : {})
    this.webhooks = new Webhooks(this.clock, this.portal, APP.clientSecret, APP.appId)
    this.sessions.addRefresh(TOKENS.salesforceRefresh, { user: INTEGRATION_USER })
    this.sessions.addFixed(TOKENS.salesforcePerson, { user: PERSON })
    this.tokens.addFixed(TOKENS.hubspotApp, { type: 'INTEGRATION', id: String(APP.appId) })
    this.tokens.addRefresh(TOKENS.hubspotRefresh, { type: 'INTEGRATION', id: String(APP.appId) })
    this.tokens.addFixed(TOKENS.hubspotPerson, { type: 'CRM_UI', id: 'userId:5000001', userId: 5_000_001 })
  }

  configure(s: Settings): void {
    if (s.latencyMs !== undefined) this.faults.latencyMs = s.latencyMs
    if (s.searchLagMs !== undefined) this.portal.searchLagMs = s.searchLagMs
    if (s.hubspotBurst !== undefined) this.limits.burst = s.hubspotBurst
    if (s.hubspotSearchPerSecond !== undefined) this.limits.searchPerSecond = s.hubspotSearchPerSecond
    if (s.hubspotTimeZone !== undefined) this.portal.timeZone = s.hubspotTimeZone
    if (s.hubspotYear !== undefined) this.portal.year = s.hubspotYear
    if (s.hubspotCurrencies !== undefined) this.portal.currencies = s.hubspotCurrencies
    for (const { type, property, forbidden } of s.hubspotRules ?? []) {
      const def = this.portal.table(type).def.properties.get(property)
      if (def) def.forbidden = forbidden === null ? undefined : new RegExp(forbidden)
    }
    for (const scope of s.hubspotWithheldScopes ?? []) this.portal.withheld.add(scope)
    if (s.salesforceDailyLimit !== undefined) this.org.calls.limit = s.salesforceDailyLimit
    if (s.salesforceLateCommitMs !== undefined) this.org.lateCommitMs = s.salesforceLateCommitMs
    if (s.salesforceSlowJobs !== undefined) this.org.slowJobs = s.salesforceSlowJobs
    if (s.salesforcePageRows !== undefined) this.org.pageRows = s.salesforcePageRows
    if (s.salesforceHiddenRows !== undefined) {
      this.org.hiddenRows.clear()
      for (const id of s.salesforceHiddenRows) this.org.hiddenRows.add(id)
    }
    for (const [object, fields] of Object.entries(s.salesforceTrackedFields ?? {}))
      this.org.trackedFields.set(object, new Set(fields))
    if (s.rotateRefreshTokens !== undefined) this.sessions.rotate = s.rotateRefreshTokens
    if (s.webhookDelayMs !== undefined) this.webhooks.delayMs = s.webhookDelayMs
    if (s.webhooks !== undefined) this.webhooks.setUnkind(s.webhooks, s.webhooks.seed)
    if (s.webhookTarget !== undefined) this.webhooks.target = s.webhookTarget ?? undefined
  }

  /** Living rows per object, and calls taken. */
  counts() {
    const living = <T extends object>(rows: Iterable<T>, gone: (row: T) => boolean) => [...rows].filter((r) => !gone(r)).length
    return {
      salesforce: Object.fromEntries([...this.org.tables].map(([n, t]) => [n, living(t.rows.values(), (r) => r.deleted)])),
      hubspot: Object.fromEntries([...this.portal.tables].map(([n, t]) => [n, living(t.objects.values(), (o) => o.archived)])),
      calls: { salesforce: this.org.calls.used, hubspot: this.limits.used },
    }
  }
}

export interface Sandbox {
  info: SandboxInfo
  world: World
  imported?: ImportReport
  stop(): Promise<void>
}

/** Starts both CRMs on loopback. A folder that holds an earlier world goes on with it. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const world = new World(options)
  const imported = await fill(world, options)
  const servers: ServerType[] = []
  const places = savedPorts(options.folder)
  const [sf, hs, control] = await Promise.all([
    listen(
      salesforceServer(world.org, world.sessions, world.faults) as unknown as Hono,
      options.ports?.salesforce ?? places.salesforce,
      servers,
    ),
    listen(
      hubspotServer(world.portal, world.tokens, APP, world.limits, world.faults) as unknown as Hono,
      options.ports?.hubspot ?? places.hubspot,
      servers,
    ),
    listen(controlServer(world), options.ports?.control ?? places.control, servers),
  ])
  if (options.folder)
    writeFileSync(
      join(options.folder, 'ports.json'),
      JSON.stringify({ salesforce: portOf(sf), hubspot: portOf(hs), control: portOf(control) } satisfies Ports),
    )
  return {
    world,
    ...(imported && { imported }),
    info: {
      salesforce: {
        instanceUrl: sf,
        loginUrl: sf,
        clientId: APP.clientId,
        clientSecret: APP.clientSecret,
        refreshToken: TOKENS.salesforceRefresh,
        personToken: TOKENS.salesforcePerson,
      },
      hubspot: {
        baseUrl: hs,
        accessToken: TOKENS.hubspotApp,
        refreshToken: TOKENS.hubspotRefresh,
        personToken: TOKENS.hubspotPerson,
        clientSecret: APP.clientSecret,
        appId: APP.appId,
      },
      controlUrl: control,
    },
    async stop() {
      world.webhooks.target = undefined
      await Promise.all(
        servers.map(
          (s) =>
            new Promise<void>((done) => {
              s.close(() => done())
              if ('closeAllConnections' in s) s.closeAllConnections()
            }),
        ),
      )
      world.org.journal.close()
      world.portal.journal.close()
    },
  }
}

const KEEP_ALIVE_MS = 65_000

type Ports = Partial<Record<'salesforce' | 'hubspot' | 'control', number>>

/** The addresses of an earlier start: what people noted of them stays true. */
function savedPorts(folder: string | undefined): Ports {
  const path = folder && join(folder, 'ports.json')
  return path && existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Ports) : {}
}

const portOf = (address: string): number => Number(new URL(address).port)

/** The world is made once; later starts replay the journals. */
async function fill(world: World, options: SandboxOptions): Promise<ImportReport | undefined> {
  const marker = options.folder && join(options.folder, 'world.json')
  if (options.folder) mkdirSync(options.folder, { recursive: true })
  const { org, portal } = world
  const source = options.importFrom && resolve(options.importFrom)
  if (marker && existsSync(marker)) {
    const saved = JSON.parse(readFileSync(marker, 'utf8')) as {
      source?: string
      owners: {
        id: string
        email: string
        firstName: string
        lastName: string
        userId: number
        active: boolean
      }[]
      customised: [string, string, string][]
    }
    if (source && source !== saved.source)
      throw new ImportError(
        `--import ${options.importFrom}: the data folder holds two local CRMs already${saved.source ? `, from ${saved.source}` : ''}; choose another one, for example CONCORDAT_HOME=./${basename(source)}-home`,
      )
    for (const owner of saved.owners) portal.owners.set(owner.id, owner)
    for await (const entry of org.journal.replay()) org.restore(entry as Parameters<Org['restore']>[0])
    for await (const entry of portal.journal.replay()) portal.restore(entry as Parameters<Portal['restore']>[0])
    org.journal.open()
    portal.journal.open()
    return undefined
  }
  // What an interrupted start left of its world is made anew.
  for (const { path } of [org.journal, portal.journal]) if (path) rmSync(path, { force: true })
  org.journal.open()
  portal.journal.open()
  // The world is older than its first reader: nothing of it looks freshly changed.
  world.clock.advance(-WORLD_AGE_MS)
  let report: ImportReport | undefined
  if (options.importFrom) {
    seedPeople(org, portal)
    report = await importFolder(options.importFrom, org, portal)
  } else if (options.world) {
    const truth = generateWorld(org, portal, options.world)
    if (options.folder) writeFileSync(join(options.folder, 'truth.json'), JSON.stringify(truth))
  } else seedPeople(org, portal)
  world.clock.advance(WORLD_AGE_MS)
  org.journal.flush()
  portal.journal.flush()
  // Written last: a world that was interrupted while it was made is made again.
  if (marker) writeFileSync(marker, JSON.stringify({ ...(source && { source }), owners: [...portal.owners.values()] }))
  return report
}

/** Listens on loopback; on any free port when the wanted one is taken. */
function listen(app: Hono, port: number | undefined, servers: ServerType[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, port: port ?? 0, hostname: '127.0.0.1' }, (address: AddressInfo) => {
      servers.push(server)
      resolve(`http://127.0.0.1:${address.port}`)
    })
    // A client that was busy for a while finds its connection open, as it would with the real ones' longer patience.
    if ('keepAliveTimeout' in server) server.keepAliveTimeout = KEEP_ALIVE_MS
    server.on('error', (error: NodeJS.ErrnoException) =>
      port && error.code === 'EADDRINUSE' ? resolve(listen(app, undefined, servers)) : reject(error),
    )
  })
}
