/** When which object of a connection is polled, so that polling keeps to its share of the day's calls. Pure. */

/** Share of the day's allowance that polling uses: under a fifth, with room for confirming polls. */
const POLL_SHARE = 0.18
const DAY_SECONDS = 86_400
/** An object in which something changed lately is asked this much more often than one that lies still. */
const BUSY_WEIGHT = 4
const BUSY_FOR_MS = 2 * 60_000
/** No object is asked more often, however much the allowance permits. */
const FASTEST_MS = { busy: 1_000, idle: 3_000 }
const SLOWEST_MS = 5 * 60_000

export interface PolledObject {
  name: string
  /** When it was asked last, and when it last brought a change: milliseconds; 0: never. */
  polledAt: number
  busyAt: number
}

export interface Allowance {
  /** Calls a day, where the CRM states it. */
  dayLimit: number | undefined
  /** Objects that one call can ask. */
  perCall: number
}

/**
 * How often each object is asked. The rates add up to what the allowance permits, whatever the number of objects;
 * busy ones get a larger part of it.
 */
export function pollIntervals(
  objects: readonly PolledObject[],
  { dayLimit, perCall }: Allowance,
  now: number,
): Map<string, number> {
  const busy = (o: PolledObject) => now - o.busyAt < BUSY_FOR_MS
  const weight = (o: PolledObject) => (busy(o) ? BUSY_WEIGHT : 1)
  const total = objects.reduce((n, o) => n + weight(o), 0)
  const perMs = dayLimit === undefined ? Number.POSITIVE_INFINITY : (dayLimit * POLL_SHARE) / DAY_SECONDS / 1_000
  // Objects that share a call cost one call together. Where they do not all fit into one, calls are seldom full.
  const shared = objects.length <= perCall ? objects.length : Math.max(1, perCall / 2)
  return new Map(
    objects.map((o) => {
      // However many objects share a call, no two calls come closer than the allowance permits.
      const fair = Math.max(total / (weight(o) * perMs * shared), 1 / perMs)
      return [o.name, Math.min(SLOWEST_MS, Math.max(FASTEST_MS[busy(o) ? 'busy' : 'idle'], fair))]
    }),
  )
}

/** Objects to ask now, and in how many milliseconds the next one is due. A call that is made anyway is filled up. */
export function duePolls(objects: readonly PolledObject[], allowance: Allowance, now: number): { due: string[]; nextMs: number } {
  const intervals = pollIntervals(objects, allowance, now)
  const lateness = (o: PolledObject) => (now - o.polledAt) / intervals.get(o.name)!
  const byNeed = [...objects].sort((a, b) => lateness(b) - lateness(a))
  const due = byNeed.filter((o) => lateness(o) >= 1)
  const room = Math.ceil(due.length / allowance.perCall) * allowance.perCall
  const asked = byNeed.slice(0, room)
  const left = objects.filter((o) => !asked.includes(o))
  const wait = (o: PolledObject) => intervals.get(o.name)! - (now - o.polledAt)
  const next = [...left.map(wait), ...asked.map((o) => intervals.get(o.name)!)]
  return { due: asked.map((o) => o.name), nextMs: Math.max(0, Math.min(SLOWEST_MS, ...next)) }
}
