import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Json } from '../../mappings/model/value.ts'
import type { WriteField, WriteRow } from '../../mappings/state.ts'
import { fold, type Net } from '../../sync/undo/fold.ts'

/** A row: what it holds, or nothing. */
type Row = Record<string, Json> | undefined

const NAMES = ['a', 'b', 'c']
const start = fc.option(
  fc.record({ a: fc.integer({ max: 3, min: 0 }), b: fc.integer({ max: 3, min: 0 }), c: fc.constant(null) }),
  { nil: undefined },
)
const step = fc.record({
  kind: fc.constantFrom('update', 'delete', 'give'),
  values: fc.dictionary(fc.constantFrom(...NAMES), fc.option(fc.integer({ max: 3, min: 0 })), { maxKeys: 3 }),
})
type Step = { kind: string; values: Record<string, Json> }

/** Plays steps on a row; answers how it ends, and the writes that a journal has of them. */
function play(row: Row, steps: Step[]) {
  const writes: { kind: WriteRow['kind']; fields: Record<string, WriteField>; sentAt: number }[] = []
  let now = row && { ...row }
  for (const [sentAt, { kind, values }] of steps.entries()) {
    const before = now
    const fields = Object.fromEntries(
      Object.entries(values).map(([name, v]) => [name, { c: v, s: v, b: (before?.[name] ?? null) as Json, n: 1 }]),
    )
    if (kind === 'delete' && now) {
      writes.push({ kind: 'delete', fields: {}, sentAt })
      now = undefined
    } else if (kind === 'give' && !now) {
      writes.push({ kind: 'create', fields, sentAt })
      now = { ...values }
    } else if (kind === 'update' && now && Object.keys(values).length > 0) {
      writes.push({ kind: 'update', fields, sentAt })
      now = { ...now, ...values }
    }
  }
  return { now, writes }
}

const apply = (row: Row, net: Net | undefined): 'gone' | 'back' | Row => {
  if (!net) return row
  if (net.kind === 'remove') return 'gone'
  if (net.kind === 'restore') return 'back'
  return { ...row, ...Object.fromEntries(Object.entries(net.fields).map(([name, f]) => [name, f.before])) }
}

test('applied to a row as the writes left it, the net brings it back to what it was', () => {
  fc.assert(
    fc.property(start, fc.array(step, { maxLength: 8 }), (row, steps) => {
      const { now, writes } = play(row, steps)
      const back = apply(now, fold(writes))
      if (row === undefined) expect(back).toBe(now ? 'gone' : undefined)
      else if (!now) expect(back).toBe('back')
      else if (!writes.some((w) => w.kind === 'delete')) expect(back).toEqual(row)
    }),
  )
})

test('what the last write of a field left there is what an undo expects to find', () => {
  fc.assert(
    fc.property(start, fc.array(step, { maxLength: 8 }), (row, steps) => {
      const { now, writes } = play(row, steps)
      const net = fold(writes)
      if (!net || net.kind === 'restore' || writes.some((w) => w.kind === 'delete')) return
      for (const [name, f] of Object.entries(net.fields)) expect(f.sent).toEqual(now![name])
    }),
  )
})
