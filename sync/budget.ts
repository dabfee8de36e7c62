import { setTimeout as wait } from 'node:timers/promises'
import pRetry from 'p-retry'
import { isWrite, type Operation, type Wire } from '../connectors/connector.ts'
import { CrmError } from '../connectors/errors.ts'

/** The one place where calls are counted, held back and repeated. */

/** Attempts of a call whose failure passes by itself. */
const ATTEMPTS = 5

/** Waits between the attempts of a call, in milliseconds. */
export interface Pace {
  /** Before the first repeat; each further wait is three times as long. */
  firstRetryMs: number
  /** A longer wait that a CRM asks for is the job queue's: the lane gives its turn away. */
  longestWaitMs: number
}
const PACE: Pace = { firstRetryMs: 200, longestWaitMs: 15_000 }

/** HubSpot's search limit of its own, per second, less one for other tools. */
const SEARCHES_PER_SECOND = 4
/** Share of a burst limit that we use: the CRM's other tools need the rest. */
const BURST_SHARE = 0.9
/** Share of the day's allowance after which only people's urgent work would go on; we stop. */
const DAY_SHARE = 0.9
/** How often a connection without calls left asks whether a new day has begun. */
const ASK_AGAIN_MS = 4 * 60_000

export interface Credentials {
  token(): Promise<string>
  /** Gets a new token in place of one that was refused. */
  refresh(refused: string): Promise<void>
}

export class CallBudget implements Wire {
  readonly #credentials: Credentials
  readonly #pace: Pace
  /** Calls by kind since the start. */
  readonly used: Record<string, number> = {}
  /** The day's allowance as the CRM states it. */
  day: { used: number; limit: number } | undefined
  /** When the CRM last said how much of it is used, or was asked. */
  #asked = 0
  #burst: { max: number; windowMs: number } | undefined
  #recent: number[] = []
  #searches: number[] = []
  #turn: Promise<void> = Promise.resolve()
  #uncounted: Record<string, number> = {}

  constructor(credentials: Credentials, pace: Partial<Pace> = {}) {
    this.#credentials = credentials
    this.#pace = { ...PACE, ...pace }
  }

  token(): Promise<string> {
    return this.#credentials.token()
  }

  /** All calls but those that look after our own writes. */
  get total(): number {
    return Object.entries(this.used).reduce((n, [kind, x]) => (kind === 'watch' ? n : n + x), 0)
  }

  /** Calls counted since the last time they were asked for: to be stored. */
  takeUncounted(): Record<string, number> {
    const taken = this.#uncounted
    this.#uncounted = {}
    return taken
  }

  async call<T>(operation: Operation, run: () => Promise<T>): Promise<T> {
    return pRetry(
      async () => {
        await this.#admit(operation)
        if (operation.sendBy !== undefined && Date.now() > operation.sendBy)
          throw new CrmError('unavailable', `${operation.what}: it waited too long to be sent, and is looked at anew`)
        this.used[operation.kind] = (this.used[operation.kind] ?? 0) + 1
        // HubSpot's search answers carry no daily figure, and count all the same.
        if (operation.kind === 'search' && this.day) this.day.used++
        this.#uncounted[operation.kind] = (this.#uncounted[operation.kind] ?? 0) + 1
        const token = operation.kind === 'token' ? '' : await this.token()
        try {
          return await run()
        } catch (error) {
          if (error instanceof CrmError && error.class === 'auth_expired') await this.#credentials.refresh(token)
          throw error
        }
      },
      {
        retries: ATTEMPTS - 1,
        minTimeout: this.#pace.firstRetryMs,
        factor: 3,
        randomize: true,
        shouldRetry: ({ error }) => error instanceof CrmError && repeatable(error, operation, this.#pace.longestWaitMs),
        onFailedAttempt: async ({ error, retryDelay, retriesLeft }) => {
          const asked = error instanceof CrmError ? (error.detail.retryAfterMs ?? 0) : 0
          if (retriesLeft > 0 && asked > retryDelay && asked <= this.#pace.longestWaitMs) await wait(asked - retryDelay)
        },
      },
    )
  }

  /** Reads what the CRM says of its limits. */
  note(headers: Record<string, string>): void {
    const usage = /api-usage=(\d+)\/(\d+)/.exec(headers['sforce-limit-info'] ?? '')
    if (usage) this.#learn(Number(usage[1]), Number(usage[2]))
    const [daily, left] = [headers['x-hubspot-ratelimit-daily'], headers['x-hubspot-ratelimit-daily-remaining']]
    if (daily && left) this.#learn(Number(daily) - Number(left), Number(daily))
    const [max, interval] = [
      Number(headers['x-hubspot-ratelimit-max']),
      Number(headers['x-hubspot-ratelimit-interval-milliseconds']),
    ]
    if (max > 0 && interval > 0) this.#burst = { max, windowMs: interval }
  }

  #learn(used: number, limit: number): void {
    this.day = { used, limit }
    this.#asked = Date.now()
  }

  /** Waits until the limits leave room; callers are admitted one after another. */
  #admit(operation: Operation): Promise<void> {
    const mine = this.#turn.then(async () => {
      // The day ends some time: now and then one call is let through, whose answer says how much is used.
      if (this.day && this.day.used >= this.day.limit * DAY_SHARE) {
        if (Date.now() - this.#asked < ASK_AGAIN_MS)
          throw new CrmError(
            'quota_exhausted',
            `${this.day.used} of the day's ${this.day.limit} calls are used; the rest is left to the CRM's other tools`,
          )
        this.#asked = Date.now()
      }
      if (operation.kind === 'search' && this.#burst && this.#burst.max < 100_000)
        await this.#window(this.#searches, SEARCHES_PER_SECOND, 1_000)
      if (this.#burst) await this.#window(this.#recent, Math.floor(this.#burst.max * BURST_SHARE), this.#burst.windowMs)
    })
    this.#turn = mine.catch(() => {})
    return mine
  }

  async #window(times: number[], max: number, windowMs: number): Promise<void> {
    const now = Date.now()
    while (times.length > 0 && times[0]! <= now - windowMs) times.shift()
    if (times.length >= max) {
      await wait(times[0]! + windowMs - now)
      times.shift()
    }
    times.push(Date.now())
  }
}

/** Whether the same request may be sent again. A write of unknown outcome never: others may have written since. */
function repeatable(error: CrmError, operation: Operation, longestWaitMs: number): boolean {
  if (!error.transient || (error.detail.retryAfterMs ?? 0) > longestWaitMs) return false
  return error.class !== 'unknown_outcome' || !isWrite(operation)
}
