import type { MappingDocument } from './mapping.ts'
import { type Entity, fieldDef } from './model/model.ts'
import type { Value } from './model/value.ts'

/**
 * Identity keys: how an unlinked record finds its twin. Each identity rule of a mapping gives at most one
 * key; equal keys under the same rule mean "the same thing" unless several records share the key.
 */
export interface IdentityKey {
  /** Position of the rule: lower is stronger. */
  rank: number
  key: string
  /** Fields that must also be near, e.g. the amount within 1 %. */
  near: Near[]
}

export interface Near {
  field: string
  /** Share of the value ("1%") or days ("7d"). */
  within: string
}

const LEGAL_FORMS = new Set(
  (
    'inc incorporated corp corporation co company llc llp lp ltd limited plc gmbh mbh ag kg kgaa ohg se sa sas sarl srl spa bv nv ' +
    'oy oyj ab as asa aps pty sl slu lda sro kk'
  ).split(' '),
)

/** A name without case, accents, punctuation and legal form: "Müller & Söhne GmbH" -> "muller and sohne". */
export function foldName(name: string): string {
  const words = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/&/g, ' and ')
    .replace(/[.'’]/g, '')
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean)
  const kept = words.filter((w, i) => i === 0 || !LEGAL_FORMS.has(w))
  return kept.join(' ')
}

/**
 * Splits a rule entry: `amount~1%` wants the field near, `account?` wants it equal or blank on both sides.
 */
export function ruleEntry(entry: string): { field: string; within?: string; optional?: boolean } {
  const [name, within] = entry.split('~') as [string, string?]
  if (name.endsWith('?')) return { field: name.slice(0, -1), optional: true }
  return within ? { field: name, within } : { field: name }
}

/** The identity keys of a record's canonical values under a mapping's rules. */
export function identityKeys(
  entity: Entity,
  rules: MappingDocument['identity'],
  values: (field: string) => Value | undefined,
): IdentityKey[] {
  const keys: IdentityKey[] = []
  rules.forEach((rule, rank) => {
    const parts: string[] = []
    const near: Near[] = []
    for (const entry of rule) {
      const { field, within, optional } = ruleEntry(entry)
      const value = values(field)
      if (optional && value === null) {
        parts.push('-')
        continue
      }
      if (value === null || value === undefined) return
      if (within) near.push({ field, within })
      else parts.push(keyPart(entity, field, value))
    }
    if (parts.every((p) => p !== ''))
      keys.push({
        rank,
        key: `${entity}:${rule.map((r) => ruleEntry(r).field).join('+')}=${parts.join('|')}`,
        near,
      })
  })
  return keys
}

const isName = (entity: Entity, field: string) => fieldDef(entity, field)?.type === 'text'

function keyPart(entity: Entity, field: string, value: Value): string {
  if (isName(entity, field)) return foldName(String(value))
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** Whether two values are near enough: amounts in one currency within a share, dates within days. */
export function isNear(within: string, a: Value | undefined, b: Value | undefined): boolean {
  if (a === null || b === null || a === undefined || b === undefined) return false
  if (within.endsWith('d')) {
    return Math.abs(Date.parse(String(a)) - Date.parse(String(b))) <= Number.parseFloat(within) * 86_400_000
  }
  const [x, y] = [a, b].map((v) =>
    typeof v === 'object' && !Array.isArray(v) ? { n: Number(v.amount), c: v.currency } : { n: Number(v), c: undefined },
  )
  if (x!.c !== y!.c || Number.isNaN(x!.n) || Number.isNaN(y!.n)) return false
  return Math.abs(x!.n - y!.n) <= (Number.parseFloat(within) / 100) * Math.max(Math.abs(x!.n), Math.abs(y!.n))
}
