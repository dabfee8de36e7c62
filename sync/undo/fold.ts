import type { Json, Value } from '../../mappings/model/value.ts'
import type { WriteField, WriteRow } from '../../mappings/state.ts'
import type { StepKind } from '../../store/undo.ts'

/** What several writes of ours to one row come to. Pure. */

export interface Net {
  kind: StepKind
  /** What the last write of a field left there, and the wire value that the first one found. */
  fields: Record<string, { sent: Value; before: Json }>
  /** When the last of the writes was sent, in milliseconds. */
  until: number
}

const GIVES: ReadonlySet<WriteRow['kind']> = new Set(['create', 'restore'])

/**
 * Its law: applied to a row as the writes left it, the net brings it back to what it was before the first of them.
 *
 * @param writes of one row, oldest first.
 * @returns undefined when they come to nothing: a row that was made and deleted again.
 */
export function fold(
  writes: readonly { kind: WriteRow['kind']; fields: Record<string, WriteField>; sentAt: number }[],
): Net | undefined {
  const [first] = writes
  if (!first) return undefined
  const stoodBefore = !GIVES.has(first.kind)
  const stands = writes.findLast((w) => w.kind !== 'update')?.kind !== 'delete'
  const fields: Net['fields'] = {}
  for (const w of writes)
    for (const [name, f] of Object.entries(w.fields))
      fields[name] = { sent: f.c, before: name in fields ? fields[name]!.before : w.kind === 'update' ? f.b : null }
  const until = writes.at(-1)!.sentAt
  if (stoodBefore && !stands) return { kind: 'restore', fields, until }
  if (!stoodBefore) return stands ? { kind: 'remove', fields, until } : undefined
  return Object.keys(fields).length > 0 ? { kind: 'update', fields, until } : undefined
}
