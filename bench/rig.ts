import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { Settings } from '../sandbox/control.ts'
import type { SandboxInfo } from '../sandbox/sandbox.ts'
import type { WorldOptions } from '../sandbox/world/generate.ts'
import { connect } from '../src/connect.ts'
import { Vault } from '../src/secrets.ts'
import { listConnections, putConnection } from '../store/connections.ts'
import { Database } from '../store/database.ts'
import { DEFAULT_TIMING, type Engine } from '../sync/engine.ts'

export interface CrmsMessage {
  settings?: Settings
  counts?: boolean
  stop?: boolean
}

/** An engine on a database of its own, against CRMs in a process of their own. */
export interface Rig {
  engine: Engine
  info: SandboxInfo
  configure(settings: Settings): void
  counts(): Promise<Counts>
  /** Calls to both CRMs since the last time this was asked. */
  calls(): Record<string, number>
  stop(): Promise<void>
}
type Counts = Record<'salesforce' | 'hubspot', Record<string, number>>

export type EngineKind = 'services' | 'embedded'

/** @param entities those that are kept in agreement; all when left out. */
export async function makeRig(kind: EngineKind, world: WorldOptions, entities?: readonly string[]): Promise<Rig> {
  const child: ChildProcess = fork(new URL('./crms.ts', import.meta.url), [JSON.stringify(world)])
  const info = await new Promise<SandboxInfo>((resolve, reject) => {
    child.once('message', (m: { info: SandboxInfo }) => resolve(m.info))
    child.once('exit', (code) => reject(new Error(`the CRMs ended with ${code}`)))
  })
  const { db, drop } = await openDatabase(kind)
  const workspace = randomUUID()
  await db.ensureWorkspace(workspace, 'bench')
  const vault = new Vault(randomBytes(32))
  const { salesforce: s, hubspot: h } = info
  await db.transaction(workspace, async (tx) => {
    const common = { sandbox: true, writesEnabled: true }
    const login = {
      kind: 'refresh',
      tokenUrl: `${s.loginUrl}/services/oauth2/token`,
      clientId: s.clientId,
      clientSecret: s.clientSecret,
      refreshToken: s.refreshToken,
    }
    await putConnection(tx, {
      ...common,
      id: randomUUID(),
      name: 'salesforce',
      kind: 'salesforce',
      position: 0,
      config: { instanceUrl: s.instanceUrl },
      secrets: vault.seal(login),
    })
    await putConnection(tx, {
      ...common,
      id: randomUUID(),
      name: 'hubspot',
      kind: 'hubspot',
      position: 1,
      config: { baseUrl: h.baseUrl },
      secrets: vault.seal({ kind: 'token', accessToken: h.accessToken }),
    })
  })
  const rows = await db.transaction(workspace, listConnections)
  const runtimes = await Promise.all(rows.map((row) => connect(db, workspace, vault, row)))
  if (entities)
    for (const rt of runtimes) {
      rt.mappings = rt.mappings.filter((m) => entities.includes(m.entity))
      rt.objects = [...new Set(rt.mappings.map((m) => m.object))]
    }
  const counted = new Map<string, number>()
  const log: Engine['log'] = (level, message) => level === 'error' && process.stderr.write(`${message}\n`)
  return {
    engine: { db, workspace, runtimes, timing: DEFAULT_TIMING, nudge: () => {}, log },
    info,
    configure: (settings) => void child.send({ settings } satisfies CrmsMessage),
    counts: () =>
      new Promise((resolve) => {
        child.once('message', (m: { counts: Counts }) => resolve(m.counts))
        child.send({ counts: true } satisfies CrmsMessage)
      }),
    calls: () =>
      Object.fromEntries(
        runtimes.map((r) => {
          const before = counted.get(r.name) ?? 0
          counted.set(r.name, r.budget.total)
          return [r.name, r.budget.total - before]
        }),
      ),
    async stop() {
      child.removeAllListeners('exit')
      child.send({ stop: true } satisfies CrmsMessage)
      await new Promise((done) => child.once('exit', done))
      await db.close()
      await drop()
    },
  }
}

export async function openDatabase(kind: EngineKind) {
  if (kind === 'embedded') {
    // In a folder, as a user has it: in memory the files would count as ours.
    const folder = mkdtempSync(join(tmpdir(), 'concordat-bench-'))
    return { db: await Database.open({ folder }), drop: async () => rmSync(folder, { recursive: true, force: true }) }
  }
  const url = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres'
  const name = `concordat_bench_${randomUUID().replaceAll('-', '')}`
  const admin = async (statement: string) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query(statement)
    await client.end()
  }
  await admin(`create database ${name}`)
  return {
    db: await Database.open({ url: Object.assign(new URL(url), { pathname: `/${name}` }).href }),
    drop: () => admin(`drop database ${name} with (force)`),
  }
}
