import {
  createPostgresBackend,
  type Job,
  Queue,
  type QueueOptions,
  runMigrations,
  Worker,
  type WorkerOptions,
  withBackend,
} from 'bullmq'
import { Redis } from 'ioredis'
import { CrmError } from '../connectors/errors.ts'
import { databaseNow, FenceLost } from '../store/lanes.ts'
import { checkDuplicates } from './duplicates/check.ts'
import { type Engine, inTransaction } from './engine.ts'
import { isPassing, pullSlice } from './pull/pull.ts'
import { pushSlice } from './push/push.ts'
import { checkDue } from './registrations/check.ts'
import { runClock } from './registrations/clock.ts'
import { type Channels, deliver } from './registrations/deliver.ts'
import { redescribe } from './remap.ts'

/**
 * Lane jobs on BullMQ: Redis where there is one, else BullMQ's own PostgreSQL backend on the same engine.
 * A job carries no data but the lane's name; the work stands in the database, so a lost, repeated or late
 * job does no harm.
 */
export interface Jobs {
  /** Says that a lane has work: at most one job of a lane runs and one waits. */
  nudge(connectionId: string, direction: Direction): void
  /** Whether every connection has been asked about everything since the start. */
  wentRound(): boolean
  /** Queues the duplicate check of records that were created or changed. */
  queueMatchCheck(): void
  /** Queues the check of registrations that wait for it. */
  queueRegistrations(): void
  depth(): Promise<Record<string, number>>
  close(): Promise<void>
}

/** Whether Redis answers. @throws when it does not, at once. */
export async function pingRedis(url: string): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null, connectTimeout: 5_000 })
  // What goes wrong is thrown by connect; the event only repeats it.
  redis.on('error', () => {})
  await redis.connect()
  await redis.ping()
  redis.disconnect()
}

/** `match`: the duplicate check. `registration`: registrations that wait for their check, and their clock. */
type Direction = 'pull' | 'push' | 'match' | 'registration'
interface LaneJob {
  connectionId: string
  direction: Direction
}

/** A lane whose call failed for a passing reason is asked again after this. */
const RETRY_MS = 5_000
/** One that used up the day's allowance, after this. */
const QUOTA_RETRY_MS = 5 * 60_000
const SWEEP_MS = 30_000
const MATCH: LaneJob = { connectionId: 'all', direction: 'match' }
const REGISTRATION: LaneJob = { connectionId: 'all', direction: 'registration' }
/** The duplicate check waits so long while first syncs run, or another process checks. */
const MATCH_AGAIN_MS = 2_000
/** BullMQ gives a job that died with its process to another worker after this. */
const LOCK_MS = 10_000

export async function startJobs(
  engine: Engine,
  { redisUrl, queueName, channels }: { redisUrl?: string | undefined; queueName: string; channels: Channels },
): Promise<Jobs> {
  const fail = (error: Error) => engine.log('warn', `queue: ${error.message}`)
  const { queue, makeWorker, end } = redisUrl ? onRedis(redisUrl, queueName) : await onPostgres(engine, queueName)
  queue.on('error', fail)
  if (engine.db.kind === 'pglite') {
    // One process owns this queue: what an earlier one left behind is void, and the lanes are nudged anew.
    await queue.obliterate({ force: true })
  }
  let closed = false
  const timers = new Map<string, NodeJS.Timeout>()
  // Connections that this process has asked about everything once: whatever happened while nobody listened.
  const rounds = new Set<string>()
  // A lane that failed rests: nudges from other lanes must not make it fail over and over.
  const resting = new Map<string, number>()
  const add = (data: LaneJob) => {
    if (closed) return
    const id = `${data.connectionId}@${data.direction}`
    queue
      .add('lane', data, {
        deduplication: { id, keepLastIfActive: true },
        removeOnComplete: true,
        removeOnFail: true,
      })
      .catch(fail)
  }
  /** Asks a lane again after a while; a lane has one such appointment, the latest one made. */
  const later = (data: LaneJob, ms: number) => {
    const lane = `${data.connectionId}@${data.direction}`
    clearTimeout(timers.get(lane))
    timers.set(
      lane,
      setTimeout(() => add(data), ms),
    )
  }
  /** Duplicates are looked for when the first syncs are over: until then every moment belongs to them. */
  const matchTurn = async () => {
    if (closed) return
    if (!engine.runtimes.every((rt) => rounds.has(rt.id))) return later(MATCH, MATCH_AGAIN_MS)
    const { more, looked } = await checkDuplicates(engine)
    if (looked > 0) add(REGISTRATION)
    if (more) later(MATCH, looked > 0 ? 0 : MATCH_AGAIN_MS)
  }
  const registrationTurn = async () => {
    if (closed) return
    const { more, checked } = await checkDue(engine)
    await runClock(engine, await inTransaction(engine, databaseNow))
    await deliver(engine, channels)
    if (checked > 0) for (const rt of engine.runtimes) add({ connectionId: rt.id, direction: 'push' })
    if (more) add(REGISTRATION)
  }
  const worker = makeWorker(async (job: Job<LaneJob>) => {
    const { connectionId, direction } = job.data
    if (direction === 'match') return matchTurn()
    if (direction === 'registration') return registrationTurn()
    const rt = engine.runtimes.find((r) => r.id === connectionId)
    const lane = `${connectionId}@${direction}`
    if (!rt || closed || Date.now() < (resting.get(lane) ?? 0)) return
    try {
      if (direction === 'pull') {
        const { more, nextMs, counts } = await pullSlice(engine, rt, { polling: rounds.has(rt.id) ? 'due' : 'all' })
        if (counts.created + counts.linked + counts.updated > 0) add(MATCH)
        if (more) add(job.data)
        else {
          rounds.add(rt.id)
          later(job.data, nextMs)
        }
      } else {
        const { more, demands, nextMs } = await pushSlice(engine, rt)
        if (demands) add({ connectionId, direction: 'pull' })
        if (more) add(job.data)
        else if (nextMs) later(job.data, nextMs)
      }
    } catch (error) {
      // Another worker has the lane; the sweep asks again in case it is gone.
      if (error instanceof FenceLost) return
      // A field or an object went: what is left is read without it.
      if (error instanceof CrmError && error.class === 'unknown_field' && rt)
        await redescribe(engine, rt).catch((e: Error) => engine.log('warn', `${rt.name}: ${e.message}`))
      const passing = isPassing(error)
      engine.log(
        passing ? 'warn' : 'error',
        `${rt.name} ${direction}: ${(error as Error).message}`,
        error instanceof CrmError ? { class: error.class, ...error.detail } : { stack: (error as Error).stack },
      )
      const asked = error instanceof CrmError ? (error.detail.retryAfterMs ?? 0) : 0
      const rest = Math.max(asked, error instanceof CrmError && error.class === 'quota_exhausted' ? QUOTA_RETRY_MS : RETRY_MS)
      resting.set(lane, Date.now() + rest - 50)
      later(job.data, rest)
    }
  })
  worker.on('error', fail)
  // A queue may be wiped, and a worker may die with a lane's next appointment: the work stands in the database, and
  // every lane is asked again before long whatever became of its job.
  const sweep = setInterval(() => {
    for (const rt of engine.runtimes) for (const direction of ['pull', 'push'] as const) add({ connectionId: rt.id, direction })
    add(MATCH)
    add(REGISTRATION)
  }, SWEEP_MS).unref()
  return {
    nudge: (connectionId, direction) => add({ connectionId, direction }),
    wentRound: () => engine.runtimes.every((rt) => rounds.has(rt.id)),
    queueMatchCheck: () => add(MATCH),
    queueRegistrations: () => add(REGISTRATION),
    depth: async () => (await queue.getJobCounts('waiting', 'active', 'delayed', 'failed')) as Record<string, number>,
    async close() {
      closed = true
      clearInterval(sweep)
      for (const timer of timers.values()) clearTimeout(timer)
      await worker.close()
      await queue.close()
      await end()
    },
  }
}

type MakeWorker = (run: (job: Job<LaneJob>) => Promise<void>) => {
  on(event: 'error', f: (e: Error) => void): unknown
  close(): Promise<void>
}
const workerOptions = (): Omit<WorkerOptions, 'connection'> => ({
  concurrency: 8,
  lockDuration: LOCK_MS,
  stalledInterval: LOCK_MS / 2,
  maxStalledCount: 1_000,
})

function onRedis(redisUrl: string, queueName: string) {
  // A worker waits for jobs on a blocking connection, which must not give up by itself.
  const connection = new Redis(redisUrl, { maxRetriesPerRequest: null })
  // One hash tag per queue, so that Redis Cluster keeps its keys together.
  const options: QueueOptions = { connection, prefix: `{concordat:${queueName}}` }
  const makeWorker: MakeWorker = (run) => new Worker<LaneJob>(queueName, run, { ...options, ...workerOptions() })
  return {
    queue: new Queue<LaneJob>(queueName, options),
    makeWorker,
    end: async () => void (await connection.quit()),
  }
}

async function onPostgres(engine: Engine, queueName: string) {
  const backed = withBackend(createPostgresBackend)
  const pool = engine.db.queuePool()
  const client = await pool.connect()
  try {
    await runMigrations(client)
  } finally {
    client.release()
  }
  const makeWorker: MakeWorker = (run) =>
    new backed.Worker<LaneJob, void, string>(queueName, run as never, {
      connection: pool,
      ...workerOptions(),
    })
  return {
    queue: new backed.Queue<LaneJob, void, string>(queueName, {
      connection: pool,
    }) as unknown as Queue<LaneJob>,
    makeWorker,
    end: () => pool.end(),
  }
}
