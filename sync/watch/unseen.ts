import { same, type Value } from '../../mappings/model/value.ts'

/** What a write of ours replaced without anybody having read it, told from the CRM's own history of the field. */

/** One change of a field, in canonical values. */
export interface Past {
  /** Undefined: it has no canonical value. Somebody set it all the same. */
  value: Value | undefined
  /** What it held before, where the history says so. */
  from?: Value | undefined
  /** Whether the history says what it held before. */
  chained: boolean
  /** Milliseconds of the CRM's clock. */
  at: number
  by: string
  ours: boolean
}

/** A write of one field. */
export interface OwnWrite {
  /** What the read before it showed. */
  before: Value
  sent: Value
  /** The CRM's clock at that read: what had been committed by then was seen. */
  readAt: number
}

/**
 * Values that stood there between the read and the write, oldest first; none when the write replaced just what was read.
 *
 * Its law: a value is listed exactly if it was set by somebody else, came after the read, and ours came after it. Where
 * each change says what it replaced the chain tells that, and not the time: one that was committed late carries an
 * older one, and within a second the order is not kept. What had been set back to what was read, or to what we sent,
 * before ours came is no loss.
 *
 * @param history newest first.
 */
export function unseen(history: readonly Past[], write: OwnWrite): Past[] {
  const mine = (fits: (p: Past) => boolean) => history.findLastIndex((p) => p.ours && p.at >= write.readAt && fits(p))
  // A CRM may round what it is sent; what the read had shown was an earlier write of ours.
  const own = mine((p) => equal(p.value, write.sent))
  const index = own >= 0 ? own : mine((p) => !equal(p.value, write.before))
  if (index < 0) return []
  const lost = history[index]!.chained ? byChain(history, index, write) : byTime(history, index, write)
  const [last] = lost.slice(-1)
  return last && !equal(last.value, write.sent) ? lost : []
}

const equal = (a: Value | undefined, b: Value | undefined): boolean => a !== undefined && b !== undefined && same(a, b)

/** From change to change by what each replaced, until what the read had shown. */
function byChain(history: readonly Past[], own: number, { before }: OwnWrite): Past[] {
  const lost: Past[] = []
  const used = new Set([own])
  for (let last = history[own]!; !equal(last.from, before); ) {
    const { from } = last
    const next = history.findIndex(
      (p, i) => !used.has(i) && p.at <= last.at && (from === undefined ? p.value === undefined : equal(p.value, from)),
    )
    if (next < 0) {
      lost.unshift({ value: from, chained: true, at: last.at, by: '', ours: false })
      break
    }
    const past = history[next]!
    if (past.ours) break
    used.add(next)
    lost.unshift(past)
    last = past
  }
  return lost
}

/** Everything of others that is younger than the read, until what the read had shown. */
function byTime(history: readonly Past[], own: number, { before, readAt }: OwnWrite): Past[] {
  const lost: Past[] = []
  for (const past of history.slice(own + 1)) {
    if (past.at < readAt || past.ours || equal(past.value, before)) break
    lost.unshift(past)
  }
  return lost
}
