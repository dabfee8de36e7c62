import { Decimal } from 'decimal.js'
import type { Policy } from '../../mappings/mapping.ts'
import { isBlank, same, type Value } from '../../mappings/model/value.ts'
import type { Interval } from '../../mappings/state.ts'

/** What a policy may look at: the two values that differ, and where and when they come from. */
export interface Contest {
  hub: { value: Value; origin: string; at: Interval }
  remote: { value: Value; origin: string; at: Interval }
  /** Names by which a connection id may be called in a policy: its name and its kind. */
  namesOf: (origin: string) => readonly string[]
}

export type Verdict = { value: Value; winner: 'hub' | 'remote' | 'both' } | { undecided: string }

/** Two changes nearer than this are a person's to judge: CRM clocks differ. */
const CLOCK_TOLERANCE_MS = 5_000

const hubWins = ({ hub }: Contest): Verdict => ({ value: hub.value, winner: 'hub' })
const remoteWins = ({ remote }: Contest): Verdict => ({ value: remote.value, winner: 'remote' })

/**
 * Judges two different values. Each policy's law stands beside it; what it cannot decide is a person's.
 */
export function judge(policy: Policy, contest: Contest): Verdict {
  if (typeof policy === 'object') return bySource(policy.source, contest)
  switch (policy) {
    case 'manual':
      return { undecided: 'the policy is manual' }
    case 'latest':
      return byTime(contest)
    // A non-blank value beats a blank one.
    case 'fill':
      if (isBlank(contest.hub.value) !== isBlank(contest.remote.value))
        return isBlank(contest.hub.value) ? remoteWins(contest) : hubWins(contest)
      return { undecided: 'both sides hold a value' }
    case 'max':
      return byOrder(contest, 1)
    case 'min':
      return byOrder(contest, -1)
    case 'union':
      return byUnion(contest)
  }
}

/** The named connection wins, whichever side it is on. */
function bySource(source: string, contest: Contest): Verdict {
  if (contest.namesOf(contest.remote.origin).includes(source)) return remoteWins(contest)
  if (contest.namesOf(contest.hub.origin).includes(source)) return hubWins(contest)
  return { undecided: `neither change comes from ${source}` }
}

/** The later change wins where the intervals lie clearly apart. */
function byTime(contest: Contest): Verdict {
  const [hub, remote] = [contest.hub.at, contest.remote.at]
  if (hub[1] === 0 || remote[1] === 0) return { undecided: 'the time of one of the changes is not known' }
  if (remote[0] - hub[1] >= CLOCK_TOLERANCE_MS) return remoteWins(contest)
  if (hub[0] - remote[1] >= CLOCK_TOLERANCE_MS) return hubWins(contest)
  return { undecided: 'the times of the two changes do not tell which is later' }
}

/** The larger (smaller) of two comparable values; a value beats a blank. */
function byOrder(contest: Contest, sign: 1 | -1): Verdict {
  const { hub, remote } = contest
  if (isBlank(hub.value)) return remoteWins(contest)
  if (isBlank(remote.value)) return hubWins(contest)
  const order = compare(hub.value, remote.value)
  if (order === undefined) return { undecided: 'the values cannot be ordered' }
  return order * sign >= 0 ? hubWins(contest) : remoteWins(contest)
}

/** Sets are united. */
function byUnion({ hub, remote }: Contest): Verdict {
  const [a, b] = [hub.value ?? [], remote.value ?? []]
  if (!Array.isArray(a) || !Array.isArray(b)) return { undecided: 'the field is no set' }
  const all = [...a, ...b.filter((x) => !a.some((y) => same(x, y)))].sort((x, y) =>
    JSON.stringify(x) < JSON.stringify(y) ? -1 : 1,
  )
  return { value: all.length > 0 ? all : null, winner: 'both' }
}

/** -1, 0 or 1; undefined where the two have no order (other currencies, other types). */
function compare(a: Value, b: Value): number | undefined {
  if (typeof a === 'number' && typeof b === 'number') return Math.sign(a - b)
  if (typeof a === 'string' && typeof b === 'string') {
    const numeric = /^-?\d+(\.\d+)?$/
    if (numeric.test(a) && numeric.test(b)) return new Decimal(a).comparedTo(b)
    return a < b ? -1 : a > b ? 1 : 0
  }
  if (
    a &&
    b &&
    typeof a === 'object' &&
    typeof b === 'object' &&
    !Array.isArray(a) &&
    !Array.isArray(b) &&
    a.currency === b.currency
  )
    return new Decimal(String(a.amount)).comparedTo(String(b.amount))
  return undefined
}
