export const FAULT_ACTIONS = [
  'rate_limit',
  'quota',
  'server_error',
  'slow',
  'drop_before',
  'drop_after',
  'land_late',
  'unauthorized',
  'lock',
  'lock_rows',
] as const
export type FaultAction = (typeof FAULT_ACTIONS)[number]

/** Faults that the control API switches on: which requests they hit, how often, and what happens. */
export interface Fault {
  /** Which CRM; both when left out. */
  crm?: 'salesforce' | 'hubspot'
  method?: string
  /** Regular expression over path and query. */
  path?: string
  /** So many matching requests pass before. */
  skip?: number
  /** How many matching requests are hit; after that the fault is spent. */
  times?: number
  /** Probability that a matching request is hit. */
  rate?: number
  /**
   * `drop_before`, `drop_after`: the connection breaks before or after the request took effect; `land_late`: it breaks, and the
   * request takes effect `delayMs` later; `slow`: nothing but the delay; `lock_rows`: Salesforce refuses single rows of a batch.
   */
  action: FaultAction
  /** Delay before the request is looked at, instead of or beside the action. */
  delayMs?: number
}

/** A small seeded generator (mulberry32): faults replay with their seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

export class Faults {
  #active: Fault[] = []
  #random = seeded(1)
  /** Delay of every answer, for measurements. */
  latencyMs = 0

  set(faults: Fault[], seed = 1): void {
    this.#active = faults.map((f) => ({ ...f }))
    this.#random = seeded(seed)
  }

  /** Requests that nobody waits for any more, and that are still to take effect. */
  landing = 0
  /** Nothing is hit while somebody asks for peace. */
  paused = 0
  /** Hits so far, by action. */
  readonly hits: Partial<Record<FaultAction, number>> = {}

  /** Whether a single row of a Salesforce batch is locked just now. */
  locksRow(): boolean {
    return this.#hit((f) => f.action === 'lock_rows') !== undefined
  }

  /** The fault that hits a request, counted as spent. */
  next(crm: Fault['crm'], method: string, pathAndQuery: string): Fault | undefined {
    return this.#hit(
      (f) =>
        f.action !== 'lock_rows' &&
        (!f.crm || f.crm === crm) &&
        (!f.method || f.method === method) &&
        (!f.path || new RegExp(f.path).test(pathAndQuery)),
    )
  }

  /** One fault more. */
  add(fault: Fault): void {
    this.#active.push({ ...fault })
  }

  #hit(meant: (fault: Fault) => boolean): Fault | undefined {
    if (this.paused > 0) return undefined
    for (const fault of this.#active) {
      if (fault.times === 0 || !meant(fault)) continue
      if (fault.skip) {
        fault.skip--
        continue
      }
      if (fault.rate !== undefined && this.#random() >= fault.rate) continue
      if (fault.times !== undefined) fault.times--
      this.hits[fault.action] = (this.hits[fault.action] ?? 0) + 1
      return fault
    }
    return undefined
  }
}
