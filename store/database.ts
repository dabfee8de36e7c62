import { mkdirSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { PGlite } from '@electric-sql/pglite'
import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely'
import pg from 'pg'
import { APP_ROLE } from './migrations/table.ts'
import { migrate } from './migrations.ts'
import { createPglitePool } from './pglite-pool.ts'

/** A transaction bound to one workspace: the only way to the tables. */
export type Tx = Transaction<unknown>

/** bigint columns hold versions and counters, far below 2^53. */
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

export interface DatabaseOptions {
  /** A PostgreSQL server; without it PGlite keeps its files in `folder`. */
  url?: string | undefined
  /** undefined: in memory (tests). */
  folder?: string | undefined
  poolSize?: number
}

/**
 * A transaction that is not durable may be forgotten when the database server itself crashes, together with all that
 * came after it: right for what would only be read from a CRM again, wrong for what somebody was told.
 */
export interface Durability {
  durable?: boolean
}

/** Deadlock and serialisation failure: PostgreSQL took the transaction back whole; it may run again. */
const PASSING = new Set(['40P01', '40001'])
const ATTEMPTS = 8
const LONGEST_WAIT_MS = 100

/** Tables that grow from empty within a first sync. */
const GROWING = [
  'record',
  'link',
  'natural_key',
  'outbox',
  'write',
  'open_write',
  'change',
  'staged',
  'conflict',
  'inbox',
  'waiting',
  'waiting_out',
]

/** The database: PostgreSQL, or PGlite inside this process. One code path. */
export class Database {
  readonly kind: 'postgres' | 'pglite'
  readonly #kysely: Kysely<unknown>
  readonly #pglite: PGlite | undefined
  readonly #options: DatabaseOptions
  #rows = 0
  #analyzed = 0

  private constructor(options: DatabaseOptions, pool: pg.Pool, pglite?: PGlite) {
    this.kind = options.url ? 'postgres' : 'pglite'
    this.#options = options
    this.#pglite = pglite
    this.#kysely = new Kysely({ dialect: new PostgresDialect({ pool }) })
  }

  static async open(options: DatabaseOptions): Promise<Database> {
    let pglite: PGlite | undefined
    if (!options.url) {
      if (options.folder) mkdirSync(options.folder, { recursive: true })
      pglite = options.folder ? await PGlite.create(options.folder, { relaxedDurability: false }) : await PGlite.create()
    }
    const pool = pglite
      ? createPglitePool(pglite, { max: 12 })
      : new pg.Pool({ connectionString: options.url, max: options.poolSize ?? 10 })
    // A connection that the server ended while idle is replaced by the pool; without a listener it would end the process.
    pool.on('error', () => {})
    const database = new Database(options, pool, pglite)
    await migrate(database.#kysely)
    return database
  }

  /** A pool for BullMQ's own PostgreSQL backend: same engine, its own schema. */
  queuePool(): pg.Pool {
    const options = '-c search_path=bullmq'
    const pool = this.#pglite
      ? createPglitePool(this.#pglite, { max: 20, options })
      : new pg.Pool({ connectionString: this.#options.url, max: 12, options })
    pool.setMaxListeners(0)
    return pool
  }

  /**
   * Runs work in one transaction as the application role, seeing one workspace. On PGlite everything else
   * waits meanwhile: never wait for HTTP in here. A transaction that lost a deadlock runs again.
   */
  async transaction<T>(workspace: string, work: (tx: Tx) => Promise<T>, { durable = true }: Durability = {}): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#once(workspace, work, durable)
      } catch (error) {
        if (!PASSING.has((error as { code?: string }).code ?? '') || attempt === ATTEMPTS) throw error
        // Who met in a ring meets there again, unless one of them waits a moment longer.
        await wait(Math.random() * LONGEST_WAIT_MS)
      }
    }
  }

  #once<T>(workspace: string, work: (tx: Tx) => Promise<T>, durable: boolean): Promise<T> {
    return this.#kysely.transaction().execute(async (tx) => {
      await sql`select set_config('role', ${APP_ROLE}, true), set_config('app.workspace', ${workspace}, true), set_config('jit', 'off', true), set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('random_page_cost', '1.1', true),
        set_config('synchronous_commit', ${durable ? 'on' : 'off'}, true)`.execute(tx)
      return work(tx)
    })
  }

  /** Makes sure that a workspace exists. The one statement outside a workspace. */
  async ensureWorkspace(id: string, name: string): Promise<void> {
    await sql`insert into workspace (id, name) values (${id}, ${name}) on conflict (id) do nothing`.execute(this.#kysely)
  }

  /**
   * Told of rows that came to be. Within a first sync tables grow faster than statistics follow, and a plan
   * made for an empty table compares every row with every other: so they are gathered at each doubling.
   */
  async grew(count: number): Promise<void> {
    this.#rows += count
    if (count === 0 || this.#rows < Math.max(500, 2 * this.#analyzed)) return
    this.#analyzed = this.#rows
    await sql.raw(`analyze ${GROWING.join(', ')}`).execute(this.#kysely)
  }

  /** Whether the database answers. */
  async ping(): Promise<void> {
    await sql`select 1`.execute(this.#kysely)
  }

  async close(): Promise<void> {
    await this.#kysely.destroy()
    await this.#pglite?.close()
  }
}

/** Rows of a statement. */
export async function rows<T>(tx: Tx, query: ReturnType<typeof sql<T>>): Promise<T[]> {
  return (await query.execute(tx)).rows
}

/** A JSON parameter: sets of rows travel as one, to be taken apart by jsonb_to_recordset. */
export const json = (value: unknown) => sql`${JSON.stringify(value)}::jsonb`
