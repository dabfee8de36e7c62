/** Faults that the control API switches on: which requests they hit, how often, and what happens. */
export interface Fault {
  /** Which CRM; both when left out. */
  crm?: 'salesforce' | 'hubspot'
  method?: string
  /** Regular expression over path and query. */
  path?: string
  /** How many matching requests are hit; after that the fault is spent. */
  times?: number
  /** Probability that a matching request is hit. */
  rate?: number
  action: 'rate_limit' | 'quota' | 'server_error' | 'drop_before' | 'drop_after' | 'unauthorized' | 'lock'
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

  /** The fault that hits a request, counted as spent. */
  next(crm: Fault['crm'], method: string, pathAndQuery: string): Fault | undefined {
    for (const fault of this.#active) {
      if (fault.times === 0 || (fault.crm && fault.crm !== crm) || (fault.method && fault.method !== method)) continue
      if (fault.path && !new RegExp(fault.path).test(pathAndQuery)) continue
      if (fault.rate !== undefined && this.#random() >= fault.rate) continue
      if (fault.times !== undefined) fault.times--
      return fault
    }
    return undefined
  }
}
