import { Decimal } from 'decimal.js'
import type { CompiledField, CompiledMapping } from './compile.ts'
import type { LensContext } from './context.ts'
import { dateIn, startOfDate } from './dates.ts'
import { countryName, stateName } from './model/places.ts'
import { InvalidValue, normalise } from './model/types.ts'
import { isBlank, type Json, same, type Value } from './model/value.ts'
import type { RawRow } from './schema.ts'

/**
 * The lens between a CRM row and canonical values. Its two laws (test/mappings/lens.test.ts):
 *
 * - PutGet: what `render` writes reads back, through `read`, as the value that was rendered.
 * - GetPut: a value that the row already maps to is not written. The engine compares canonical values,
 *   never raw ones, so a finer CRM value (one of several stages) survives.
 */

/** One field as read from a row. A field that is missing from the result is absent: not readable. */
export type Reading =
  | { raw: Json; value: Value }
  /** A reference to an external record that is not linked yet. */
  | { raw: Json; waitsFor: string }
  /** The CRM holds something that has no canonical value; the field is left alone. */
  | { raw: Json; problem: string }

export type CanonicalRow = Map<string, Reading>

/** What to write for one field: CRM columns and values, or why it cannot be written. */
export type Rendering = { columns: RawRow } | { problem: string }

/**
 * Reads a batch of rows. JSONata runs here and only where the mapping asks for it.
 *
 * @param only the fields wanted; all when left out.
 */
export async function readRows(
  mapping: CompiledMapping,
  rows: RawRow[],
  ctx: LensContext,
  only?: ReadonlySet<string>,
): Promise<CanonicalRow[]> {
  const fields = mapping.fields.filter((f) => f.reads && (!only || only.has(f.name)))
  const transformed = fields.filter((f) => f.transformIn)
  const inputs = await Promise.all(
    rows.map(async (row) => {
      if (transformed.length === 0) return undefined
      const results = await Promise.all(
        transformed.map(
          async (f) => [f.name, f.column in row ? toJson(await f.transformIn!.evaluate(row[f.column])) : undefined] as const,
        ),
      )
      return new Map(results)
    }),
  )
  return rows.map((row, i) => readRow(mapping, fields, row, ctx, inputs[i]))
}

const toJson = (v: unknown): Json => (v === undefined ? null : (JSON.parse(JSON.stringify(v)) as Json))

function readRow(
  mapping: CompiledMapping,
  fields: CompiledField[],
  row: RawRow,
  ctx: LensContext,
  inputs?: Map<string, Json | undefined>,
): CanonicalRow {
  const result: CanonicalRow = new Map()
  const country = countryOf(mapping, row, ctx)
  for (const field of fields) {
    if (row[field.column] === undefined) continue
    if (field.companion && row[field.companion] === undefined) continue
    const raw = rawOf(field, row)
    try {
      result.set(
        field.name,
        interpret(field, inputs?.has(field.name) ? (inputs.get(field.name) ?? null) : row[field.column]!, row, raw, ctx, country),
      )
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error
      result.set(field.name, { raw, problem: error.message })
    }
  }
  return result
}

/** The wire value of a field: with its companion where one gives it its meaning. */
export function rawOf(field: CompiledField, row: RawRow): Json {
  return field.companion ? [row[field.column] ?? null, row[field.companion] ?? null] : (row[field.column] ?? null)
}

/** Phone numbers and states are read in the record's own country where it has one. */
function countryOf(mapping: CompiledMapping, row: RawRow, ctx: LensContext): string | undefined {
  const field = mapping.byName.get('address.country') ?? mapping.byName.get('country')
  const raw = field && row[field.column]
  if (typeof raw !== 'string' || raw === '') return ctx.country
  const code = normalise('country', raw) as string
  return code.length === 2 ? code : ctx.country
}

function interpret(
  field: CompiledField,
  wire: Json,
  row: RawRow,
  raw: Json,
  ctx: LensContext,
  country: string | undefined,
): Reading {
  const { mapping, type } = field
  const blank = wire === null || wire === '' || (Array.isArray(wire) && wire.length === 0)
  if (blank)
    return {
      raw,
      value: mapping.default === undefined ? null : normalise(type, mapping.default, { currency: ctx.currency }),
    }
  if (field.holdsRecordId) return { raw, value: normalise('reference', wire) }
  if (type === 'reference') return readReference(field, wire, raw, ctx)
  if (type === 'user') {
    const email = ctx.users.emailOf(String(wire))
    return email
      ? { raw, value: normalise('user', email) }
      : {
          raw,
          problem: `${field.column} ${wire} is no user with an e-mail address (a queue, or not visible)`,
        }
  }
  const map = valueMapOf(field, row)
  if (map) {
    const mapped =
      type === 'set'
        ? String(wire)
            .split(';')
            .map((v) => map[v] ?? v)
        : map[String(wire)]
    if (mapped === undefined)
      return {
        raw,
        problem: `${field.column} "${wire}" has no canonical value; add it to the mapping's values`,
      }
    return { raw, value: normalise(type, mapped) }
  }
  if (type === 'date' && ctx.schema.fields[field.column]?.type === 'datetime' && !/^\d{4}-\d{2}-\d{2}$/.test(String(wire))) {
    const instant = Date.parse(normalise('datetime', wire) as string)
    return { raw, value: dateIn(ctx.timeZone, instant) }
  }
  if (type === 'money') {
    const currency = field.companion ? row[field.companion] : undefined
    return { raw, value: normalise('money', { amount: wire, currency: currency || ctx.currency }) }
  }
  const value = normalise(type, mapping.factor ? scaled(wire, mapping.factor) : wire, {
    country,
    currency: ctx.currency,
  })
  if (field.enumValues && !field.enumValues.includes(String(value)))
    return {
      raw,
      problem: `${field.column} "${wire}" is none of ${field.enumValues.join(', ')}; add it to the mapping's values`,
    }
  return { raw, value }
}

const scaled = (wire: Json, factor: number): Json =>
  Number.isNaN(Number(wire)) ? wire : new Decimal(String(wire)).mul(factor).toFixed()

function readReference(field: CompiledField, wire: Json, raw: Json, ctx: LensContext): Reading {
  const ids = Array.isArray(wire) ? wire.map(String) : [String(wire)]
  if (ids.length > 1) return { raw, problem: `${field.column} points to ${ids.length} records, one is expected` }
  const record = ctx.references.recordOf(ids[0]!, field.references)
  return record ? { raw, value: record } : { raw, waitsFor: ids[0]! }
}

/** The value map that applies to a row: the field's own, or the group of its companion's value. */
function valueMapOf(field: CompiledField, row: RawRow): Record<string, string | boolean> | undefined {
  const { groups, values, by } = field.mapping
  if (!groups || !by) return values
  return groups[String(row[by] ?? '')] ?? groups['*'] ?? {}
}

/**
 * Renders one canonical value for writing. `current` is the row as it now stands ({} for a create):
 * a stage is written in the row's own pipeline.
 */
export async function render(field: CompiledField, value: Value, current: RawRow, ctx: LensContext): Promise<Rendering> {
  const out = field.transformOut ? toJson(await field.transformOut.evaluate(value)) : value
  const rendering = field.transformOut ? { columns: { [field.column]: out } } : renderValue(field, out, current, ctx)
  if ('problem' in rendering) return rendering
  for (const [column, wire] of Object.entries(rendering.columns)) {
    const problem = fits(column, wire, ctx)
    if (problem) return { problem }
  }
  return rendering
}

function renderValue(field: CompiledField, value: Value, current: RawRow, ctx: LensContext): Rendering {
  const { column, companion, mapping, type } = field
  const one = (wire: Json): Rendering => ({ columns: { [column]: wire } })
  if (isBlank(value)) return one(null)
  const map = mapping.groups ? groupFor(field, current) : mapping.values && { map: mapping.values }
  if (map) {
    const wire =
      type === 'set'
        ? (value as string[]).map((v) => inverse(map.map, mapping.write, v) ?? v)
        : inverse(map.map, mapping.write, String(value))
    if (wire === undefined) return { problem: `"${value}" has no value in ${column}; add it to the mapping's values` }
    return 'group' in map && companion ? { columns: { [column]: wire, [companion]: map.group! } } : one(wire)
  }
  switch (type) {
    case 'reference': {
      if (field.holdsRecordId) return one(value)
      const external = ctx.references.externalOf(String(value))
      return external
        ? one(column.startsWith('@') ? [external] : external)
        : { problem: 'the record it points to is not linked here' }
    }
    case 'user': {
      const user = ctx.users.userOf(String(value))
      const id = user?.active ? user.id : ctx.users.fallback
      return id
        ? one(id)
        : {
            problem: user ? `user ${value} is inactive here` : `no user here has the e-mail address ${value}`,
          }
    }
    case 'money': {
      const { amount, currency } = value as { amount: string; currency: string }
      if (companion) {
        if (ctx.currencies.size > 0 && !ctx.currencies.has(currency))
          return { problem: `currency ${currency} is not enabled here` }
        return { columns: { [column]: amount, [companion]: currency } }
      }
      return currency === ctx.currency
        ? one(amount)
        : { problem: `the amount is in ${currency}, only ${ctx.currency} can be written here` }
    }
    case 'date':
      return ctx.schema.fields[column]?.type === 'datetime'
        ? one(new Date(startOfDate(ctx.timeZone, String(value))).toISOString())
        : one(value)
    case 'country':
      return one(mapping.as === 'code' || mapping.as === 'text' ? value : countryName(String(value)))
    case 'state':
      return one(mapping.as === 'name' ? stateName(String(value)) : String(value).replace(/^[A-Z]{2}-/, ''))
    default:
      return one(mapping.factor ? new Decimal(String(value)).div(mapping.factor).toFixed() : value)
  }
}

/** The value map to write in, and the companion's value when the row has none yet. */
function groupFor(field: CompiledField, current: RawRow): { map: Record<string, string | boolean>; group?: string | undefined } {
  const groups = field.mapping.groups!
  const present = field.companion ? current[field.companion] : undefined
  if (typeof present === 'string' && present !== '') return { map: groups[present] ?? groups['*'] ?? {} }
  const [first] = Object.keys(groups).filter((g) => g !== '*')
  return first === undefined ? { map: groups['*'] ?? {} } : { map: groups[first]!, group: first }
}

function inverse(
  map: Record<string, string | boolean>,
  write: Record<string, string> | undefined,
  canonical: string,
): string | undefined {
  const named = write?.[canonical]
  // A `write` entry counts only where the group has that value: groups share one `write` table.
  if (named !== undefined && (Object.hasOwn(map, named) || !Object.values(map).some((v) => same(String(v), canonical))))
    return Object.hasOwn(map, named) ? named : undefined
  return Object.entries(map).find(([, v]) => String(v) === canonical)?.[0]
}

/** Why a value does not fit a column, or undefined. Values are never cut. */
function fits(column: string, wire: Json, ctx: LensContext): string | undefined {
  const schema = ctx.schema.fields[column]
  if (!schema || wire === null) return undefined
  const text = Array.isArray(wire) ? wire.join(';') : String(wire)
  if (schema.length && text.length > schema.length)
    return `${text.length} characters do not fit ${column}, which holds ${schema.length}`
  if (schema.precision && /^-?\d+(\.\d+)?$/.test(text)) {
    const [whole, fraction = ''] = text.replace('-', '').split('.') as [string, string?]
    if (fraction.length > (schema.scale ?? 0)) return `${text} has more decimals than ${column} holds (${schema.scale ?? 0})`
    if (whole.length > schema.precision - (schema.scale ?? 0)) return `${text} is too large for ${column}`
  }
  if (schema.restricted && schema.options) {
    const wrong = (Array.isArray(wire) ? wire : [wire]).find((v) => !schema.options!.some((o) => o.value === String(v)))
    if (wrong !== undefined) return `"${wrong}" is no value of ${column}`
  }
  return undefined
}
