import { same, type Value } from '../../mappings/model/value.ts'

/** What a write of ours replaced without anybody having read it, told from the CRM's own history of the field. */

/** One change of a field, in canonical values. */
export interface Past {
  value: Value
  /** What it held before, where the history says so. */
  from?: Value | undefined
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
 * Its law: a value is listed exactly if it was set by somebody else, no read had shown it, and ours came after it. One that
 * was set back to what had been read, or to what we sent, before ours came is no loss.
 *
 * @param history newest first.
 */
export function unseen(history: readonly Past[], write: OwnWrite): Past[] {
  const mine = (fits: (p: Past) => boolean) => history.findLastIndex((p) => p.ours && p.at >= write.readAt && fits(p))
  // A CRM may round what it is sent; what the read had shown was an earlier write of ours.
  const own = mine((p) => same(p.value, write.sent))
  const index = own >= 0 ? own : mine((p) => !same(p.value, write.before))
  if (index < 0) return []
  const lost: Past[] = []
  let { from } = history[index]!
  for (const past of history.slice(index + 1)) {
    // Where each change says what it replaced, the chain tells; a change that was committed late carries an older time.
    if (from === undefined ? past.at < write.readAt : !same(from, past.value)) break
    if (past.ours || same(past.value, write.before)) break
    lost.unshift(past)
    from = past.from
  }
  const [last] = lost.slice(-1)
  return last && !same(last.value, write.sent) ? lost : []
}
