import { Duplex } from 'node:stream'
import type { PGlite } from '@electric-sql/pglite'
import pg from 'pg'

/**
 * A pg.Pool whose sockets end in one PGlite inside this process. Types, errors and notifications are
 * node-postgres' own; only the transport differs, so store/ and BullMQ have one code path.
 *
 * PGlite has one session. It is handed out first come, first served; whoever began a transaction keeps it
 * until the transaction ends. So: never wait for HTTP, or for a second client, inside a transaction.
 */
export function createPglitePool(db: PGlite, config: pg.PoolConfig = {}): pg.Pool {
  const hub = hubs.get(db) ?? new Hub(db)
  hubs.set(db, hub)
  return new pg.Pool({
    ...config,
    user: 'postgres',
    database: 'postgres',
    password: 'unused',
    host: 'pglite',
    ssl: false,
    keepAlive: true,
    stream: () => new PgliteSocket(hub) as never,
  })
}

const hubs = new WeakMap<PGlite, Hub>()
const DEFAULT_PATH = '"$user", public'

/** One message of the wire protocol: type, length, body. */
function frame(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(type, 0, 'latin1')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}
const simpleQuery = (sql: string) => frame('Q', Buffer.from(`${sql}\0`))
const READY_IDLE = frame('Z', Buffer.from('I'))
const AUTHENTICATION_OK = frame('R', Buffer.alloc(4))
const [NOTIFICATION, READY_FOR_QUERY, QUERY, SYNC, TERMINATE] = [0x41, 0x5a, 0x51, 0x53, 0x58]

/** Shares PGlite's one session among sockets. */
class Hub {
  readonly sockets = new Set<PgliteSocket>()
  readonly #db: PGlite
  #path = ''

  constructor(db: PGlite) {
    this.#db = db
  }

  /** Waits in PGlite's own queue; answers what gives the session back. */
  async acquire(searchPath: string): Promise<() => void> {
    await this.#db.waitReady
    const release = await new Promise<() => void>((granted, failed) => {
      this.#db._runExclusiveTransaction(() => new Promise<void>((done) => granted(done))).catch(failed)
    })
    if (this.#path !== searchPath) {
      await this.execute(simpleQuery(`SET search_path TO ${searchPath}`))
      this.#path = searchPath
    }
    return release
  }

  /** Runs messages up to the next ReadyForQuery; notifications go to every socket. */
  async execute(batch: Buffer): Promise<{ reply: Buffer; status: string }> {
    const parts: Buffer[] = []
    await this.#db.execProtocolRawStream(batch, { onRawData: (bytes) => void parts.push(Buffer.from(bytes)) })
    const all = Buffer.concat(parts)
    const own: Buffer[] = []
    let status = ''
    let from = 0
    for (let at = 0; at < all.length; ) {
      const end = at + 1 + all.readInt32BE(at + 1)
      if (all[at] === READY_FOR_QUERY) status = String.fromCharCode(all[at + 5]!)
      if (all[at] === NOTIFICATION) {
        own.push(all.subarray(from, at))
        for (const socket of this.sockets) socket.push(all.subarray(at, end))
        from = end
      }
      at = end
    }
    own.push(all.subarray(from))
    return { reply: Buffer.concat(own), status }
  }
}

class PgliteSocket extends Duplex {
  readonly #hub: Hub
  #input: Buffer = Buffer.alloc(0)
  #batch: Buffer[] = []
  #started = false
  #searchPath = DEFAULT_PATH
  #release: (() => void) | undefined
  #turn: Promise<void> = Promise.resolve()

  constructor(hub: Hub) {
    super()
    this.#hub = hub
  }
  connect(): this {
    this.#hub.sockets.add(this)
    queueMicrotask(() => this.emit('connect'))
    return this
  }
  setNoDelay(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#input = this.#input.length > 0 ? Buffer.concat([this.#input, chunk]) : chunk
    while (this.#input.length >= 5) {
      const size = this.#started ? 1 + this.#input.readInt32BE(1) : this.#input.readInt32BE(0)
      if (this.#input.length < size) break
      this.#message(this.#input.subarray(0, size))
      this.#input = this.#input.subarray(size)
    }
    done()
  }

  #message(message: Buffer): void {
    if (!this.#started) {
      const startup = message.toString('utf8', 8).split('\0')
      const options = startup[startup.indexOf('options') + 1] ?? ''
      this.#searchPath = /-c\s*search_path=(\S+)/.exec(options)?.[1] ?? DEFAULT_PATH
      this.#started = true
      this.push(Buffer.concat([AUTHENTICATION_OK, READY_IDLE]))
      return
    }
    if (message[0] === TERMINATE) {
      this.destroy()
      return
    }
    this.#batch.push(message)
    if (message[0] !== QUERY && message[0] !== SYNC) return
    const batch = Buffer.concat(this.#batch)
    this.#batch = []
    this.#turn = this.#turn.then(() => this.#run(batch)).catch((error: Error) => void this.destroy(error))
  }

  async #run(batch: Buffer): Promise<void> {
    if (this.destroyed) return
    this.#release ??= await this.#hub.acquire(this.#searchPath)
    const { reply, status } = await this.#hub.execute(batch)
    if (status === 'I') this.#free()
    this.push(reply)
  }

  #free(): void {
    this.#release?.()
    this.#release = undefined
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#hub.sockets.delete(this)
    void this.#turn
      .then(async () => {
        if (this.#release) await this.#hub.execute(simpleQuery('ROLLBACK')).finally(() => this.#free())
      })
      .then(() => done(error), done)
  }
}
