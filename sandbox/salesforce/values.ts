import { isoTime } from '../time.ts'
import { SalesforceError } from './errors.ts'
import { normaliseId } from './ids.ts'
import type { FieldDef } from './schema.ts'

export type Wire = string | number | boolean | null

/** Date-times leave as `2024-09-10T13:57:45.000+0000`. */
export const wireTime = (ms: number): string => isoTime(ms, '+0000')

const bad = (def: FieldDef, value: unknown, kind: string) =>
  new SalesforceError(
    'JSON_PARSER_ERROR',
    `Cannot deserialize instance of ${kind} from ${JSON.stringify(value)} value ${JSON.stringify(value)} or request may be missing a required field at [line:1, column:1]`,
    { fields: [def.name] },
  )

/**
 * Brings a written value into the form Salesforce keeps: trims, rounds, empty text is null.
 * @throws SalesforceError with the code Salesforce uses for the defect.
 */
export function accept(def: FieldDef, value: unknown): Wire {
  if (value === null || value === undefined || value === '') {
    if (def.type === 'boolean')
      throw new SalesforceError('INVALID_TYPE_ON_FIELD_IN_RECORD', `${def.label}: value not of required type: `, {
        fields: [def.name],
      })
    return null
  }
  switch (def.type) {
    case 'boolean': {
      const text = String(value).toLowerCase()
      if (text !== 'true' && text !== 'false') throw bad(def, value, 'boolean')
      return text === 'true'
    }
    case 'currency':
    case 'double':
    case 'percent':
    case 'int': {
      const n = typeof value === 'number' ? value : Number(value)
      if (Number.isNaN(n)) throw bad(def, value, def.type === 'int' ? 'int' : 'double')
      if (Math.abs(n) >= 10 ** (def.precision - def.scale))
        throw new SalesforceError(
          'NUMBER_OUTSIDE_VALID_RANGE',
          `${def.label}: value outside of valid range on numeric field: ${n}`,
          { fields: [def.name] },
        )
      const rounded = Number(n.toFixed(def.scale))
      return Object.is(rounded, -0) ? 0 : rounded
    }
    case 'date': {
      const text = String(value).slice(0, 10)
      if (!isDay(text)) throw bad(def, value, 'date')
      return text
    }
    case 'datetime': {
      const ms = Date.parse(String(value).replace(/([+-]\d{2})(\d{2})$/, '$1:$2'))
      if (Number.isNaN(ms)) throw bad(def, value, 'datetime')
      return wireTime(Math.floor(ms / 1000) * 1000)
    }
    case 'reference': {
      const id = normaliseId(value)
      if (!id)
        throw new SalesforceError('MALFORMED_ID', `${def.label}: id value of incorrect type: ${value}`, {
          fields: [def.name],
        })
      return id
    }
    case 'email': {
      const text = String(value).trim()
      if (!/^[^\s@]+@[^\s@]+\.[^\s@.]+$/.test(text))
        throw new SalesforceError('INVALID_EMAIL_ADDRESS', `${def.label}: invalid email address: ${text}`, {
          fields: [def.name],
        })
      return limited(def, text)
    }
    case 'picklist':
    case 'multipicklist': {
      const text = String(value).trim()
      if (def.restricted) {
        const wrong = text.split(def.type === 'multipicklist' ? ';' : '\0').find((v) => !def.values.includes(v))
        if (wrong !== undefined)
          throw new SalesforceError(
            'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST',
            `${def.label}: bad value for restricted picklist field: ${wrong}`,
            { fields: [def.name] },
          )
      }
      return limited(def, text)
    }
    default:
      return limited(def, def.type === 'textarea' ? String(value).replace(/\r\n?/g, '\r\n').trim() : String(value).trim()) || null
  }
}

function limited(def: FieldDef, text: string): string {
  if (def.length && text.length > def.length)
    throw new SalesforceError('STRING_TOO_LONG', `${def.label}: data value too large: ${text} (max length=${def.length})`, {
      fields: [def.name],
    })
  return text
}

/** Whether a text is a day of the calendar: the 30th of February is none. */
function isDay(text: string): boolean {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text)
}
