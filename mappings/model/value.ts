/**
 * Canonical values: plain JSON, one shape per field type (see types.ts).
 *
 * `null` is a value ("blank"). `undefined` means absent: the field could not be read. The two are never
 * mixed up: a blank may travel, an absence never does.
 */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/** A normalised canonical value, or null for blank. */
export type Value = Json

/** Equality of normalised values. Key order does not count: jsonb reorders keys. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined || a === null || b === null) return false
  if (typeof a !== 'object' || typeof b !== 'object') return false
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false
    return a.every((x, i) => same(x, b[i]))
  }
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((k) => k in b && same(a[k], b[k]))
}

/** Whether the value is blank for survivorship and `fill`: null or an empty set. */
export const isBlank = (v: Json | undefined): boolean => v === undefined || v === null || (Array.isArray(v) && v.length === 0)
