import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Policy } from '../../mappings/mapping.ts'
import { same, type Value } from '../../mappings/model/value.ts'
import type { BaseEntry, FieldState } from '../../mappings/state.ts'
import { type MergeInput, mergeField, mustSend } from '../../sync/merge/field.ts'

const hub = (v: Value, n: number, o = 'A'): FieldState => ({ v, n, o, t: [100, 100] })
const base = (c: Value, n: number, r: Value = c): BaseEntry => ({ c, r, n })
const input = (over: Partial<MergeInput>): MergeInput => ({
  hub: hub('x', 1),
  base: base('x', 1),
  remote: { value: 'x', raw: 'x', at: [0, 200] },
  origin: 'B',
  policy: 'manual',
  firstLink: 'manual',
  namesOf: (o) => [o],
  ...over,
})
const remote = (value: Value, raw: Value = value, at: [number, number] = [0, 200]) => ({ value, raw, at })

describe('the merge of one field', () => {
  test('same and same: nothing', () => expect(mergeField(input({})).kind).toBe('unchanged'))
  test('only the CRM changed: it is taken', () =>
    expect(mergeField(input({ remote: remote('y') }))).toMatchObject({
      kind: 'accept',
      field: { v: 'y', n: 2, o: 'B' },
      base: { c: 'y', n: 2 },
    }))
  test('only the hub changed: it must be sent', () => {
    expect(mergeField(input({ hub: hub('y', 2) })).kind).toBe('unchanged')
    expect(mustSend(hub('y', 2), base('x', 1))).toBe(true)
  })
  test('both changed to equal values: settled', () =>
    expect(mergeField(input({ hub: hub('y', 2), remote: remote('y') }))).toEqual({ kind: 'rebase', base: base('y', 2) }))
  test('both changed to different values: a conflict', () =>
    expect(mergeField(input({ hub: hub('y', 2), remote: remote('z') })).kind).toBe('conflict'))
  test('the hub went away and came back: that is a change, and there is nothing to send', () => {
    const result = mergeField(input({ hub: hub('x', 3) }))
    expect(result).toEqual({ kind: 'rebase', base: base('x', 3) })
    expect(mustSend(hub('x', 3), base('x', 3))).toBe(false)
  })
  test('a person who changes while the hub went away and came back is a conflict, not unseen', () =>
    expect(mergeField(input({ hub: hub('x', 3), remote: remote('z') })).kind).toBe('conflict'))
  test('a finer CRM value of the same canonical value moves only the base', () =>
    expect(mergeField(input({ remote: remote('x', 'X finer') }))).toEqual({ kind: 'rebase', base: base('x', 1, 'X finer') }))
  test('an adjusted value becomes the base and is not sent again', () =>
    expect(mustSend(hub('10.123', 4), base('10.12', 4))).toBe(false))
})

describe('first link', () => {
  const first = (over: Partial<MergeInput>) => mergeField(input({ base: undefined, ...over }))
  test('equal values: linked, nothing written', () => expect(first({})).toEqual({ kind: 'rebase', base: base('x', 1) }))
  test('the blank CRM side takes the hub value', () => {
    const result = first({ remote: remote(null) })
    expect(result).toEqual({ kind: 'rebase', base: base(null, 0) })
    expect(mustSend(hub('x', 1), base(null, 0))).toBe(true)
  })
  test('the blank hub takes the CRM value', () => expect(first({ hub: undefined }).kind).toBe('accept'))
  test('the named source wins on either side, and what it overrules is told', () => {
    expect(first({ remote: remote('z'), firstLink: { source: 'A' } })).toMatchObject({
      kind: 'rebase',
      base: { c: 'z', n: 0 },
      overruled: 'z',
    })
    expect(first({ remote: remote('z'), firstLink: { source: 'B' } })).toMatchObject({ kind: 'accept', overruled: 'x' })
  })
  test('a policy decides once: the next read of the same values decides nothing', () => {
    const result = first({ remote: remote('z'), firstLink: { source: 'A' } })
    expect(result.kind).toBe('rebase')
    expect(mergeField(input({ base: (result as { base: BaseEntry }).base, remote: remote('z') })).kind).toBe('unchanged')
  })
})

const value = fc.oneof(fc.constant(null), fc.string({ minLength: 1, maxLength: 3 }))
const policies = fc.constantFrom<Policy>('manual', 'latest', 'fill', 'max', 'min', { source: 'A' }, { source: 'B' })

describe('laws', () => {
  test('merging twice is merging once', () =>
    fc.assert(
      fc.property(value, value, value, fc.integer({ min: 1, max: 3 }), policies, (h, b, r, n, policy) => {
        const start = input({ hub: hub(h, n), base: base(b, 1), remote: remote(r), policy })
        const once = mergeField(start)
        if (once.kind === 'conflict') return
        const after = {
          ...start,
          hub: once.kind === 'accept' ? once.field : start.hub,
          base: once.kind === 'unchanged' ? start.base : once.base,
        }
        const twice = mergeField(after)
        expect(['unchanged', 'rebase']).toContain(twice.kind)
        expect(twice.kind === 'rebase' ? twice.base.c : after.base!.c).toEqual(after.base!.c)
      }),
    ))
  test('no value vanishes: the result holds the hub value or the CRM value, or it is a conflict', () =>
    fc.assert(
      fc.property(value, value, value, fc.integer({ min: 1, max: 3 }), policies, (h, b, r, n, policy) => {
        const result = mergeField(input({ hub: hub(h, n), base: base(b, 1), remote: remote(r), policy }))
        if (result.kind === 'accept') expect([h, r]).toContainEqual(result.field.v)
        const remoteChanged = !same(r, b)
        const hubChanged = n !== 1
        if (policy === 'manual' && remoteChanged && hubChanged && !same(h, r)) expect(result.kind).toBe('conflict')
        if (policy === 'manual' && remoteChanged && !hubChanged && !same(h, r)) expect(result).toMatchObject({ kind: 'accept' })
      }),
    ))
})
