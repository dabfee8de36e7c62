import type { Clock } from '../clock.ts'

/** HubSpot's request limits: a burst per ten seconds, a daily one, and one of its own for search. */
export class Limits {
  readonly #clock: Clock
  /** Requests per ten seconds; 0 switches the limit off. */
  burst: number
  searchPerSecond: number
  daily: number
  used = 0
  #window: { start: number; count: number } = { start: 0, count: 0 }
  #second: { start: number; count: number } = { start: 0, count: 0 }

  constructor(clock: Clock, { burst = 190, searchPerSecond = 5, daily = 650_000 } = {}) {
    this.#clock = clock
    this.burst = burst
    this.searchPerSecond = searchPerSecond
    this.daily = daily
  }

  /** Counts a request. Answers which limit refuses it, if any. */
  take(isSearch: boolean): 'TEN_SECONDLY_ROLLING' | 'SECONDLY' | 'DAILY' | undefined {
    const now = this.#clock.now()
    this.used++
    if (this.used > this.daily) return 'DAILY'
    if (isSearch && this.searchPerSecond > 0) {
      if (now - this.#second.start >= 1000) this.#second = { start: now, count: 0 }
      if (++this.#second.count > this.searchPerSecond) return 'SECONDLY'
      return undefined
    }
    if (this.burst > 0) {
      if (now - this.#window.start >= 10_000) this.#window = { start: now, count: 0 }
      if (++this.#window.count > this.burst) return 'TEN_SECONDLY_ROLLING'
    }
    return undefined
  }

  /** The headers of an answer; search answers carry none of the burst ones, OAuth apps have no daily limit. */
  headers(isSearch: boolean, isOauth: boolean): Record<string, string> {
    const daily: Record<string, string> = isOauth
      ? {}
      : {
          'X-HubSpot-RateLimit-Daily': String(this.daily),
          'X-HubSpot-RateLimit-Daily-Remaining': String(Math.max(0, this.daily - this.used)),
        }
    if (isSearch) return daily
    // Switched off, it says so in the only way the API has: a limit that nobody reaches.
    const max = this.burst || 1_000_000
    return {
      'X-HubSpot-RateLimit-Max': String(max),
      'X-HubSpot-RateLimit-Remaining': String(Math.max(0, max - (this.burst ? this.#window.count : 0))),
      'X-HubSpot-RateLimit-Interval-Milliseconds': '10000',
      'X-HubSpot-RateLimit-Secondly': '19',
      'X-HubSpot-RateLimit-Secondly-Remaining': '18',
      ...daily,
    }
  }
}
