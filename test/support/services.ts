import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import pg from 'pg'

/** A PostgreSQL and a Redis of one's own, on free ports: for tests that stop or wipe a server. */
export interface OwnServices {
  databaseUrl: string
  redisUrl: string
  /** PostgreSQL goes down as in a power cut, and comes up again. */
  restartPostgres(): Promise<void>
  /** Everything that Redis held is gone. */
  flushRedis(): Promise<void>
  stop(): Promise<void>
}

const run = promisify(execFile)

/** PostgreSQL refuses to run as root: then its own system user runs it. */
const asServer = (command: string, args: string[]): Promise<unknown> =>
  process.getuid?.() === 0
    ? run('setpriv', ['--reuid=postgres', '--regid=postgres', '--clear-groups', command, ...args])
    : run(command, args)

export async function startServices(): Promise<OwnServices> {
  const folder = mkdtempSync(join(tmpdir(), 'concordat-services-'))
  const data = join(folder, 'pg')
  if (process.getuid?.() === 0) await run('chown', ['postgres', folder])
  const bin = postgresBin()
  await asServer(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync'])
  const [pgPort, redisPort] = [await freePort(), await freePort()]
  const options = `-p ${pgPort} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${folder} -c max_connections=60`
  const log = join(folder, 'log')
  const start = () => asServer(join(bin, 'pg_ctl'), ['-D', data, '-l', log, '-w', '-o', options, 'start'])
  await start()
  const redis = spawn('redis-server', ['--port', String(redisPort), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], {
    stdio: 'ignore',
    cwd: folder,
  })
  const databaseUrl = `postgres://postgres@127.0.0.1:${pgPort}/concordat`
  const redisUrl = `redis://127.0.0.1:${redisPort}`
  const admin = new pg.Client({ connectionString: `postgres://postgres@127.0.0.1:${pgPort}/postgres` })
  await admin.connect()
  await admin.query('create database concordat')
  await admin.end()
  return {
    databaseUrl,
    redisUrl,
    async restartPostgres() {
      await asServer(join(bin, 'pg_ctl'), ['-D', data, '-m', 'immediate', '-w', 'stop'])
      await start()
    },
    async flushRedis() {
      const client = new Redis(redisUrl)
      await client.flushall()
      await client.quit()
    },
    async stop() {
      redis.kill('SIGKILL')
      await asServer(join(bin, 'pg_ctl'), ['-D', data, '-m', 'immediate', '-w', 'stop']).catch(() => {})
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Where PostgreSQL's programs are: Debian keeps each version in a folder of its own. */
function postgresBin(): string {
  const root = '/usr/lib/postgresql'
  const [latest] = readdirSync(root).sort((a, b) => Number(b) - Number(a))
  return join(root, latest!, 'bin')
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
