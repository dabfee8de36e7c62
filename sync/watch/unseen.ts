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
  /** The CRM's clock at that read: what is older was seen. */
  readAt: number
}

/**
 * Values that stood there between the read and the write, oldest first; none when the write replaced just what was read.
 *
 * Its law: a value is listed exactly if it was set after the read, by somebody else, and ours came after it. One that
 * was set back to what had been read, or to what we sent, before ours came is no loss.
 *
 * @param history newest first.
 */
export function unseen(history: readonly Past[], write: OwnWrite): Past[] {
  const since = history.filter((p) => p.at >= write.readAt)
  // A CRM may round what it is sent; what the read had shown was an earlier write of ours.
  const own = since.findLastIndex((p) => p.ours && same(p.value, write.sent))
  const index = own >= 0 ? own : since.findLastIndex((p) => p.ours && !same(p.value, write.before))
  if (index < 0) return []
  const lost: Past[] = []
  let { from } = since[index]!
  for (const past of since.slice(index + 1)) {
    if (past.ours || (from !== undefined && !same(from, past.value)) || same(past.value, write.before)) break
    lost.unshift(past)
    from = past.from
  }
  const [last] = lost.slice(-1)
  return last && !same(last.value, write.sent) ? lost : []
}
