import type { HubspotErrorDetail } from './errors.ts'
import type { PropertyDef } from './schema.ts'

/** One property that a write carries and HubSpot refuses. */
export interface Refusal {
  isValid: false
  message: string
  error: string
  name: string
  localizedErrorMessage: string
  portalId: number
  extra: HubspotErrorDetail
}

/** The ways a value is refused: code of the error, message. */
class Invalid extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/**
 * Brings a written value into the form HubSpot keeps. `''` clears (kept as null).
 * @returns the kept value, or a refusal.
 */
export function accept(
  def: PropertyDef,
  value: unknown,
  previous: string | null,
  portalId: number,
): { value: string | null } | { refusal: Refusal } {
  if (value === null || value === undefined || value === '') return { value: null }
  try {
    return { value: normalise(def, String(value).trim(), previous) }
  } catch (error) {
    if (!(error instanceof Invalid)) throw error
    return { refusal: refusal(def.name, error.code, error.message, portalId) }
  }
}

export function refusal(name: string, code: string, message: string, portalId: number): Refusal {
  return {
    isValid: false,
    message,
    error: code,
    name,
    localizedErrorMessage: message,
    portalId,
    extra: { message, code, context: { propertyName: [name] } },
  }
}

function normalise(def: PropertyDef, text: string, previous: string | null): string | null {
  switch (def.type) {
    case 'number': {
      if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text))
        throw new Invalid('INVALID_LONG', `${text} was not a valid number.`)
      return /[eE]/.test(text) ? String(Number(text)) : text.replace(/^\+/, '')
    }
    case 'bool':
      if (!/^(true|false)$/i.test(text)) throw new Invalid('INVALID_BOOLEAN', `${text} was not a valid boolean.`)
      return text.toLowerCase()
    case 'datetime': {
      const ms = /^-?\d+$/.test(text) ? Number(text) : Date.parse(text)
      if (Number.isNaN(ms)) throw new Invalid('INVALID_LONG', `${text} was not a valid long.`)
      return new Date(ms).toISOString()
    }
    case 'date': {
      if (/^-?\d{6,}$/.test(text)) {
        const ms = Number(text)
        if (ms % 86_400_000 !== 0)
          throw new Invalid(
            'INVALID_DATE',
            `${new Date(ms).toISOString()} is at ${new Date(ms).toISOString().slice(11)} UTC, not midnight!`,
          )
        return new Date(ms).toISOString().slice(0, 10)
      }
      if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || Number.isNaN(Date.parse(text)))
        throw new Invalid('INVALID_DATE', `${text} is not a valid date`)
      return text
    }
    case 'enumeration': {
      if (def.options.length === 0) return text
      const append = def.multiple && text.startsWith(';')
      const wanted = def.multiple ? text.split(';').filter(Boolean) : [text]
      const wrong = wanted.find((v) => !def.options.some((o) => o.value === v))
      if (wrong !== undefined)
        throw new Invalid(
          'INVALID_OPTION',
          `${wrong} was not one of the allowed options: [${def.options
            .slice(0, 10)
            .map((o) => `label: "${o.label}" value: "${o.value}"`)
            .join(', ')}]`,
        )
      return [...new Set(append ? [...(previous?.split(';') ?? []), ...wanted] : wanted)].join(';')
    }
    default:
      if (def.forbidden?.test(text)) throw new Invalid('VALIDATION_RULE', `${text} is not allowed by a rule of this account`)
      if (text.length > 65_536)
        throw new Invalid('PROPERTY_VALUE_TOO_LONG', `Property values must be at most 65536 characters, got ${text.length}`)
      if (def.name === 'email') {
        if (!/^[^\s@]+@[^\s@]+\.[^\s@.]+$/.test(text)) throw new Invalid('INVALID_EMAIL', `Email address ${text} is invalid`)
        return text.toLowerCase()
      }
      if (def.name === 'domain')
        return text
          .toLowerCase()
          .replace(/^https?:\/\//, '')
          .replace(/^www\./, '')
          .replace(/\/.*$/, '')
      return text
  }
}
