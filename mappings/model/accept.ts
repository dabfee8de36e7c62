import { z } from 'zod'
import { type Entity, type FieldDef, fieldDef, fieldSchema, MODEL } from './model.ts'
import { countryCode } from './places.ts'
import { type FieldType, InvalidValue, normalise } from './types.ts'
import { isBlank, type Value } from './value.ts'

/** Fields that somebody hands in are taken as canonical values, or refused with a reason that names the field. */
export type Accepted = { values: Record<string, Value> } | { refused: string }

/** Types whose values are objects or lists. */
const STRUCTURED: ReadonlySet<FieldType> = new Set(['money', 'set', 'partners'])
/** The field without which no CRM takes a row. */
const NAMES: Partial<Record<Entity, string>> = { partner: 'name', account: 'name', contact: 'lastName', deal: 'name' }

const CURRENCIES = new Set(Intl.supportedValuesOf('currency'))
/** Largest count that both CRMs hold. */
const MOST = 99_999_999
const HOST = /^[\p{L}\p{N}_-]+(\.[\p{L}\p{N}_-]+)+$/u

/**
 * Normalises fields of an entity and checks them against the model, stricter than what is read from a CRM: there a
 * value nobody can place is kept as it stands, here it is sent back to who wrote it.
 */
export function acceptFields(entity: Entity, fields: Record<string, unknown>): Accepted {
  const values: Record<string, Value> = {}
  for (const [name, given] of Object.entries(fields)) {
    const def = fieldDef(entity, name)
    if (!def) return { refused: `${entity} has no field ${name}; it has ${Object.keys(MODEL[entity]).join(', ')}` }
    if (def.readOnly) return { refused: `${name} is read from the CRMs and cannot be written` }
    if (typeof given === 'object' && given !== null && !STRUCTURED.has(def.type))
      return { refused: `${name}: ${JSON.stringify(given)} is no ${def.type}` }
    try {
      const value = normalise(def.type, given)
      if (value === null && NAMES[entity] === name)
        return { refused: `${name} cannot be blank: no CRM takes ${entity}s without it` }
      const wrong =
        value === null ? (isBlank(given as Value) || blankText(given) ? undefined : `is no ${def.type}`) : whyNot(def, value)
      if (wrong) return { refused: `${name}: ${JSON.stringify(given)} ${wrong}` }
      values[name] = value
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error
      return { refused: `${name}: ${error.message}` }
    }
  }
  return { values }
}

const blankText = (v: unknown): boolean => typeof v === 'string' && v.trim() === ''

/** Why a normalised value is none that may be stored, or undefined. */
function whyNot(def: FieldDef, value: Value): string | undefined {
  const parsed = fieldSchema(def).safeParse(value)
  if (!parsed.success)
    return def.values ? `is none of ${def.values.join(', ')}` : `is no ${def.type}: ${parsed.error.issues[0]!.message}`
  switch (def.type) {
    case 'domain':
      return HOST.test(String(value)) ? undefined : 'is no domain: write it like example.com'
    case 'country':
      return countryCode(String(value)) === value ? undefined : 'is no country: write its ISO code, like DE'
    case 'email':
    case 'user':
      return z.email().safeParse(value).success ? undefined : 'is no e-mail address'
    case 'integer':
      return Number(value) >= 0 && Number(value) <= MOST ? undefined : `is no number between 0 and ${MOST}`
    case 'money':
      return CURRENCIES.has((value as { currency: string }).currency)
        ? undefined
        : 'has a currency that does not exist: use an ISO code, like EUR'
    default:
      return undefined
  }
}
