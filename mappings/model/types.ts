import { Decimal } from 'decimal.js'
import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js/max'
import { getDomain, getHostname } from 'tldts'
import { z } from 'zod'
import { countryCode, stateCode } from './places.ts'
import type { Value } from './value.ts'

/** The field types of the canonical model. Each has one normaliser; equality is `same` on its results. */
export const FIELD_TYPES = [
  'text',
  'longtext',
  'integer',
  'decimal',
  'money',
  'percent',
  'date',
  'datetime',
  'boolean',
  'enum',
  'set',
  'email',
  'phone',
  'domain',
  'url',
  'country',
  'state',
  'user',
  'reference',
  'partners',
] as const
export type FieldType = (typeof FIELD_TYPES)[number]

/** What a normaliser may need to know about where a value comes from. */
export interface NormaliseContext {
  /** ISO 3166 alpha-2; the country of a phone number without prefix, and of a state name. */
  country?: string | undefined
  /** ISO 4217; the currency of a bare amount. */
  currency?: string | undefined
}

/** A value that is no valid value of its type. It is a finding about one field, never a crash. */
export class InvalidValue extends Error {
  override name = 'InvalidValue'
}

const fail = (type: FieldType, value: unknown, hint: string): never => {
  throw new InvalidValue(`${JSON.stringify(value)} is no ${type}: ${hint}`)
}

const DATE = /^\d{4}-\d{2}-\d{2}$/
const scalar = (v: unknown): string =>
  storable(typeof v === 'string' ? v : typeof v === 'number' || typeof v === 'boolean' ? String(v) : JSON.stringify(v))
    .normalize('NFC')
    .trim()

/** Text that PostgreSQL can keep. A NUL, or half of a surrogate pair, is a fault of whoever cut the text. */
function storable(text: string): string {
  if (text.includes('\0') || !text.isWellFormed())
    throw new InvalidValue(`${JSON.stringify(text)} holds characters that are no text (NUL, or half of an emoji)`)
  return text
}

function decimal(type: FieldType, v: unknown): string {
  const text = scalar(v)
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) fail(type, v, 'write it like 1234.5')
  return new Decimal(text).toFixed()
}

function isoDate(type: FieldType, v: unknown): string {
  const text = scalar(v)
  if (!DATE.test(text) || Number.isNaN(Date.parse(text)) || new Date(text).toISOString().slice(0, 10) !== text)
    fail(type, v, 'write it like 2026-11-23')
  return text
}

function instant(type: FieldType, v: unknown): string {
  const text = scalar(v)
  // Epoch milliseconds occur in HubSpot's webhooks and writes; Salesforce writes +0000 for Z.
  const ms = /^-?\d{11,14}$/.test(text) ? Number(text) : Date.parse(text.replace(/([+-]\d{2})(\d{2})$/, '$1:$2'))
  if (Number.isNaN(ms)) fail(type, v, 'write it like 2026-11-23T08:00:00Z')
  return new Date(ms).toISOString()
}

function strings(v: unknown): string[] {
  const list = Array.isArray(v) ? v.map(scalar) : scalar(v).split(';')
  return [...new Set(list.map((x) => x.trim()).filter(Boolean))].sort()
}

/** One entry of a deal's set of partners. */
export const PARTNER_ROLES = ['sourcing', 'influencing', 'reselling', 'implementing'] as const
export const partnerEntry = z.object({
  partner: z.uuid(),
  role: z.enum(PARTNER_ROLES),
  primary: z.boolean().default(false),
})

/** Parsing numbers is the dearest part of reading a row, and companies and their people share them. */
const PHONES_KEPT = 20_000
const phones = new Map<string, string>()

function phone(text: string, country: string | undefined): string {
  const key = `${country ?? ''} ${text}`
  const known = phones.get(key)
  if (known !== undefined) return known
  const parsed = parsePhoneNumberFromString(text, {
    defaultCountry: country as CountryCode | undefined,
    extract: false,
  })
  const value = parsed?.isPossible()
    ? parsed.number + (parsed.ext ? `;ext=${parsed.ext}` : '')
    : // Not a number we can place: keep what identifies it, so that punctuation alone is no difference.
      identifying(text)
  if (phones.size >= PHONES_KEPT) phones.clear()
  phones.set(key, value)
  return value
}

function identifying(text: string): string {
  const digits = text.replace(/[^\d+]/g, '')
  return digits.length >= 5 ? digits : text
}

function recordId(v: unknown): string {
  const text = scalar(v).toLowerCase()
  return z.uuid().safeParse(text).success ? text : fail('reference', v, 'it is the id of a record')
}

const normalisers: Record<FieldType, (v: unknown, ctx: NormaliseContext) => Value> = {
  text: (v) => scalar(v).replace(/\s+/g, ' '),
  longtext: (v) => scalar(v).replace(/\r\n?/g, '\n'),
  integer: (v) => {
    const n = new Decimal(decimal('integer', v))
    if (!n.isInteger()) fail('integer', v, 'it has a fraction')
    return n.toNumber()
  },
  decimal: (v) => decimal('decimal', v),
  percent: (v) => decimal('percent', v),
  money: (v, ctx) => {
    const given =
      typeof v === 'object' && v !== null && 'amount' in v ? (v as { amount: unknown; currency?: unknown }) : { amount: v }
    if (given.amount === null || given.amount === '') return null
    const currency = given.currency ? scalar(given.currency).toUpperCase() : ctx.currency
    if (!currency) return fail('money', v, "an amount needs a currency; set the connection's currency")
    return { amount: decimal('money', given.amount), currency }
  },
  date: (v) => isoDate('date', v),
  datetime: (v) => instant('datetime', v),
  boolean: (v) => {
    const text = scalar(v).toLowerCase()
    if (['true', '1', 'yes'].includes(text)) return true
    if (['false', '0', 'no'].includes(text)) return false
    return fail('boolean', v, 'write true or false')
  },
  enum: (v) => scalar(v),
  set: (v) => strings(v),
  email: (v) => scalar(v).toLowerCase(),
  user: (v) => scalar(v).toLowerCase(),
  reference: (v) => recordId(v),
  url: (v) => {
    const text = scalar(v)
    const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`)
    return url ? url.href.replace(/\/$/, '') : text
  },
  domain: (v) => {
    const host = getHostname(scalar(v).toLowerCase())
    if (!host) return null
    // Only a leading "www." is noise; other subdomains may be other companies (shops, universities).
    return host.startsWith('www.') && getDomain(host) ? host.slice(4) : host
  },
  phone: (v, ctx) => phone(scalar(v), ctx.country),
  country: (v) => countryCode(scalar(v)) ?? scalar(v),
  state: (v, ctx) => stateCode(scalar(v), ctx.country) ?? scalar(v),
  partners: (v) => {
    const parsed = z.array(partnerEntry).safeParse(v)
    if (!parsed.success) return fail('partners', v, 'write it like [{"partner": ID, "role": "sourcing"}]')
    return parsed.data.sort((a, b) => (a.partner + a.role < b.partner + b.role ? -1 : 1))
  },
}

/**
 * The one normaliser of a type. Blank input ('' , null, whitespace, an empty set) gives null.
 * @throws InvalidValue when the input is no value of the type.
 */
export function normalise(type: FieldType, v: unknown, ctx: NormaliseContext = {}): Value {
  if (v === null || v === undefined || v === '') return null
  const value = normalisers[type](v, ctx)
  return value === '' || (Array.isArray(value) && value.length === 0) ? null : value
}

const text = z.string().min(1)
const decimalText = z.string().regex(/^-?\d+(\.\d+)?$/)
/** The zod schema of a type's normalised values (null aside); also what the API documents. */
export const valueSchemas: Record<FieldType, z.ZodType> = {
  text,
  longtext: text,
  email: text,
  phone: text,
  domain: text,
  url: text,
  country: text,
  state: text,
  user: text,
  reference: text,
  enum: text,
  integer: z.number().int(),
  decimal: decimalText,
  percent: decimalText,
  boolean: z.boolean(),
  money: z.object({ amount: decimalText, currency: z.string().length(3) }),
  date: z.string().regex(DATE),
  datetime: z.iso.datetime(),
  set: z.array(text),
  partners: z.array(partnerEntry),
}
