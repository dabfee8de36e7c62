import { existsSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { type ServerType, serve } from '@hono/node-server'
import { pendingWrites } from '../../store/queries.ts'
import { isQuiet, laneState } from '../../sync/drain.ts'
import { inTransaction } from '../../sync/engine.ts'
import { verify } from '../../sync/verify/verify.ts'
import { webhookApp } from '../../webhooks/app.ts'
import { apiApp } from '../api/routes.ts'
import { App } from '../app.ts'
import { ConfigError, readConfig } from '../config.ts'
import { apiToken, HomeLock } from '../home.ts'
import { makeLog } from '../log.ts'
import { verifyNightly } from '../nightly.ts'
import { type Summary, summarise } from '../summary.ts'
import { DEMO_WORLD } from '../world.ts'
import { number, printSummary, table } from './print.ts'

const KEEP_ALIVE_MS = 65_000
/** How long one sync may go without any progress before it is verified as it stands. */
const STALLED_MS = 10 * 60_000

export interface StartOptions {
  once?: boolean
  json?: boolean
  import?: string
}

/** `concordat start`. */
export async function runStart(options: StartOptions): Promise<number> {
  const config = readConfig(process.env)
  const log = makeLog(options.once ? 'warn' : config.logLevel)
  if (options.import && !existsSync(options.import))
    throw new ConfigError(`--import ${options.import}: there is no such folder; it holds salesforce/*.csv and hubspot/*.csv`)
  const say = (text: string) => process.stderr.write(`${text}\n`)
  const lock = HomeLock.take(config.home)
  let app: App | undefined
  let server: ServerType | undefined
  try {
    app = await App.open({
      config,
      log,
      crms: true,
      say,
      ...(options.import ? { importFrom: options.import } : { world: DEMO_WORLD }),
    })
    reportImport(app, say)
    if (!options.once) server = await listen(app, config.port)
    if (server) lock.announce((server.address() as { port: number }).port)
    await app.startJobs()
    await firstSync(app, say)
    say('Verifying: reading both CRMs completely and comparing')
    for (const rt of app.engine.runtimes) app.syncCalls[rt.name] = rt.budget.total
    await verify(app.engine, { anew: true })
    app.firstSyncDone = true
    const summary = await summarise(app)
    await printResult(app, summary, options)
    if (options.once) return summary.ok ? 0 : 2
    const stopVerifying = verifyNightly(app)
    await stayUp(app, server!, say)
    stopVerifying()
    return 0
  } finally {
    server?.close()
    if (server && 'closeAllConnections' in server) server.closeAllConnections()
    await app?.close()
    lock.release()
  }
}

async function printResult(app: App, summary: Summary, options: { once?: boolean; json?: boolean }): Promise<void> {
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ ...summary, overruled: undefined })}\n`)
    return
  }
  process.stdout.write(`${printSummary(summary)}\n`)
  const pending = await inTransaction(app.engine, pendingWrites)
  if (pending.length > 0) {
    process.stdout.write(
      `\nNot written yet:\n${table(
        ['connection', 'entity', 'would', 'records'],
        pending.map((p) => [p.connection, p.entity, p.kind, p.n]),
      )}\n`,
    )
    for (const name of new Set(pending.map((p) => p.connection)))
      if (!app.runtime(name)?.sandbox)
        process.stdout.write(
          `Writing to ${name} is off until you say: npm run -s concordat -- connection enable-writes ${name}\n`,
        )
  }
}

/** Waits, with visible progress, until nothing is left that can be done without a person. */
async function firstSync(app: App, say: (text: string) => void): Promise<void> {
  let last = ''
  let moved = Date.now()
  let quiet = 0
  while (quiet < 2) {
    const states = await Promise.all(app.engine.runtimes.map((rt) => laneState(app.engine, rt)))
    quiet = app.jobs?.wentRound() && states.every(isQuiet) ? quiet + 1 : 0
    const text = states
      .map(
        (s) =>
          `${s.connection}: ${s.synced ? 'read' : 'reading'}${s.staged > 0 ? `, ${number(s.staged)} to match` : ''}, ${number(s.outbox + s.later)} to write${s.openWrites > 0 ? `, ${number(s.openWrites)} to confirm` : ''}${s.held ? ` (${s.held})` : ''}`,
      )
      .join('   ')
    if (text !== last) {
      say(`  ${text}`)
      moved = Date.now()
    }
    last = text
    if (Date.now() - moved > STALLED_MS) {
      say('  Nothing has moved for a while; going on to verify what there is.')
      return
    }
    await wait(quiet > 0 ? 100 : 1_000)
  }
}

function reportImport(app: App, say: (text: string) => void): void {
  const report = app.sandbox?.imported
  if (!report) return
  say(
    `Imported ${Object.entries(report.rows)
      .map(([file, n]) => `${number(n)} rows of ${file}`)
      .join(', ')}`,
  )
  for (const problem of report.problems.slice(0, 20)) say(`  ${problem}`)
  if (report.problems.length > 20) say(`  and ${number(report.problems.length - 20)} more like these`)
}

async function listen(app: App, port: number): Promise<ServerType> {
  const root = apiApp(app, apiToken(app.config.home, app.config.token))
  // PORT=0 takes whatever port is free: the address is known once the server listens.
  let bound = port
  const address = () => app.config.publicUrl ?? `http://127.0.0.1:${bound}`
  root.route(
    '/webhooks',
    webhookApp({
      db: app.db,
      workspace: app.engine.workspace,
      hubspot: () => app.hubspotTargets(),
      publicUrl: address,
      nudge: (id) => app.engine.nudge(id, 'pull'),
      queueMatchCheck: () => app.jobs?.queueMatchCheck(),
    }),
  )
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: root.fetch, port, hostname: '127.0.0.1' }, (info) => {
      bound = info.port
      app.port = info.port
      resolve(server)
    })
    // A caller finds its connection open although this process was busy for a while.
    if ('keepAliveTimeout' in server) server.keepAliveTimeout = KEEP_ALIVE_MS
    server.on('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new ConfigError(`PORT=${port} is in use by another program; for example PORT=${port + 1}`)
          : error,
      ),
    )
  })
}

/** Keeps running until it is told to stop. */
async function stayUp(app: App, server: ServerType, say: (text: string) => void): Promise<void> {
  const { port } = server.address() as { port: number }
  if (app.sandbox)
    app.sandbox.world.configure({
      webhookTarget: `${app.config.publicUrl ?? `http://127.0.0.1:${port}`}/webhooks/hubspot`,
    })
  say(
    `\nKeeping both CRMs in agreement. API and docs: http://127.0.0.1:${port}/api/v1/docs (token in ${app.config.home}/token). Ctrl-C stops.`,
  )
  if (app.sandbox)
    say(
      `Edit the local CRMs through their own APIs: Salesforce ${app.sandbox.info.salesforce.instanceUrl}, HubSpot ${app.sandbox.info.hubspot.baseUrl} (tokens: npm run -s concordat -- sandbox info)`,
    )
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        say('Stopping ...')
        resolve()
      })
  })
}
