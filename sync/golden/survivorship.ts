import { type FieldDef, MODEL } from '../../mappings/model/model.ts'
import { isBlank, same, type Value } from '../../mappings/model/value.ts'
import type { RecordRow } from '../../mappings/state.ts'

/** Which value of each field a record keeps that several become. Pure. */

/**
 * `first`: the record that stays. `recent`: whoever changed it last. `complete`: the record that has most fields filled.
 * `longest`: the longest text. `source`: as connections are ordered in `sources`. A blank never prevails.
 */
export type Survivorship = 'first' | 'recent' | 'complete' | 'longest' | { source: readonly string[] }

export interface Survivors {
  /** By field; `default` for all others. */
  rules: Readonly<Record<string, Survivorship>> & { default: Survivorship }
  /** Values that a person gives. */
  manual: Readonly<Record<string, Value>>
}

export interface Survivor {
  field: string
  value: Value
  /** The record whose value it is; null: a person gave it. */
  from: string | null
  rule: string
  /** Values that do not prevail. */
  lost: { recordId: string; value: Value }[]
}

/**
 * @param records the one that stays first.
 * @param namesOf names by which an origin may be called in a rule.
 */
export function survivors(
  records: readonly RecordRow[],
  { rules, manual }: Survivors,
  namesOf: (origin: string) => readonly string[],
): Survivor[] {
  const [stays] = records as [RecordRow, ...RecordRow[]]
  const model = MODEL[stays.entity] as Record<string, FieldDef>
  const names = [...new Set([...records.flatMap((r) => Object.keys(r.fields)), ...Object.keys(manual)])].sort()
  return names.map((field) => {
    const held = records.flatMap((r) => {
      const f = r.fields[field]
      return f && !isBlank(f.v) ? [{ record: r, value: f.v, origin: f.o, at: f.t[1] }] : []
    })
    if (field in manual) {
      const value = manual[field] ?? null
      return { field, value, from: null, rule: 'manual', lost: held.filter((h) => !same(h.value, value)).map(lostOf) }
    }
    // What only a CRM knows (when a row was made) is no person's to choose.
    const rule = model[field]?.readOnly ? 'first' : (rules[field] ?? rules.default)
    const best = choose(held, rule, records, namesOf)
    return {
      field,
      value: best?.value ?? null,
      from: best?.record.id ?? null,
      rule: typeof rule === 'string' ? rule : `source: ${rule.source.join(', ')}`,
      lost: held.filter((h) => !same(h.value, best?.value ?? null)).map(lostOf),
    }
  })
}

interface HeldValue {
  record: RecordRow
  value: Value
  origin: string
  at: number
}

const lostOf = ({ record, value }: HeldValue) => ({ recordId: record.id, value })

const filled = (r: RecordRow): number => Object.values(r.fields).filter((f) => !isBlank(f.v)).length
const lengthOf = (v: Value): number => (typeof v === 'string' ? v.length : JSON.stringify(v).length)

/** Among equals the earlier record prevails: the one that stays comes first. */
function choose(
  held: readonly HeldValue[],
  rule: Survivorship,
  records: readonly RecordRow[],
  namesOf: (origin: string) => readonly string[],
): HeldValue | undefined {
  const best = (worth: (h: HeldValue) => number) =>
    held.reduce<HeldValue | undefined>((found, h) => (!found || worth(h) > worth(found) ? h : found), undefined)
  if (rule === 'first') return held[0]
  if (rule === 'recent') return best((h) => h.at)
  if (rule === 'longest') return best((h) => lengthOf(h.value))
  if (rule === 'complete') {
    const worth = new Map(records.map((r) => [r.id, filled(r)]))
    return best((h) => worth.get(h.record.id)!)
  }
  const rank = (h: HeldValue) => rule.source.findIndex((name) => namesOf(h.origin).includes(name))
  return best((h) => (rank(h) < 0 ? -Infinity : -rank(h)))
}
