/**
 * The sandbox's clock. It follows real time plus an offset that the control API moves, so that protection
 * windows, token expiry and search lag can be tested without waiting.
 */
export class Clock {
  #offset = 0

  /** Milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.#offset
  }

  advance(ms: number): void {
    this.#offset += ms
  }
}
