import { parseDocument } from 'yaml'
import { z } from 'zod'
import type { Calendar } from './business-time.ts'

/** The rules of engagement of a workspace: one YAML document, versioned, checked completely before it counts. */

/** What a rival is. docs/registrations.md says each in words. */
export const RIVAL_KINDS = [
  'same_partner',
  'other_partner',
  'open_direct_deal',
  'open_partner_deal',
  'customer',
  'partner_of_record',
  'lost_deal',
  'direct_lead',
] as const
export type RivalKind = (typeof RIVAL_KINDS)[number]

/** `reject` at once, `review` by a person, or a `note` that stands in nobody's way. */
export type Consequence = 'reject' | 'review' | 'note'

const DAY_NAMES = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
const HOUR_MS = 3_600_000

const duration = z
  .string()
  .regex(/^\d+(h|d)$/, 'say hours or days, such as 48h or 90d')
  .transform((t) => Number.parseInt(t, 10) * (t.endsWith('d') ? 24 * HOUR_MS : HOUR_MS))
const days = z
  .string()
  .regex(/^\d+d$/, 'say days, such as 90d')
  .transform((t) => Number.parseInt(t, 10))
const clock = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'say a time of day, such as 09:00')
  .transform((t) => (Number(t.slice(0, 2)) * 60 + Number(t.slice(3))) * 60_000)
const zone = z.string().refine((t) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: t }) !== undefined
  } catch {
    return false
  }
}, 'is no time zone, such as America/New_York')
const consequence = z.enum(['reject', 'review', 'note'])
const hours = z.tuple([clock, clock]).refine(([from, to]) => from < to, 'they end before they begin')

const band = z.strictObject({
  from: z.number().nonnegative().default(0),
  upTo: z.number().positive().optional(),
  /** Working time until a decision. */
  decideWithin: duration.prefault('48h'),
  /** Tiers of partners whose registrations are approved at once where nothing stands in their way. */
  approveAutomatically: z.union([z.array(z.string()), z.literal('all')]).default([]),
})

const document = z.strictObject({
  calendar: z
    .strictObject({
      timeZone: zone.default('UTC'),
      days: z.array(z.enum(DAY_NAMES)).min(1).default(['mon', 'tue', 'wed', 'thu', 'fri']),
      hours: hours.default([0, 24 * HOUR_MS]),
      holidays: z.array(z.iso.date({ error: 'is no date, such as 2026-12-25' })).default([]),
    })
    .prefault({}),
  decision: z
    .strictObject({
      /** The currency of the bands; an amount in another one is decided by a person. */
      currency: z
        .string()
        .regex(/^[A-Z]{3}$/, 'say a currency by its code, such as USD')
        .default('USD'),
      remindAfter: z.number().gt(0).lt(1).default(0.75),
      escalateTo: z.array(z.email()).default([]),
      /** By the amount: they cover every amount once. */
      bands: z
        .array(band)
        .min(1)
        .default([{ from: 0, decideWithin: 48 * HOUR_MS, approveAutomatically: [] }]),
    })
    .prefault({}),
  protection: z
    .strictObject({
      lasts: days.default(90),
      extensions: z.strictObject({ most: z.number().int().nonnegative().default(1), days: days.default(30) }).prefault({}),
      /** Losing the deal gives the account and product free. */
      endsWithLostDeal: z.boolean().default(true),
    })
    .prefault({}),
  rivals: z
    .strictObject({
      same_partner: consequence.default('reject'),
      other_partner: consequence.default('review'),
      open_direct_deal: consequence.default('review'),
      open_partner_deal: consequence.default('review'),
      customer: consequence.default('review'),
      partner_of_record: consequence.default('review'),
      lost_deal: consequence.default('note'),
      direct_lead: consequence.default('note'),
    })
    .prefault({}),
  /** A deal that was lost so long ago counts as recent. */
  recently: days.default(90),
  notify: z
    .strictObject({
      /** Who is told where no person is named by the deal or the account. */
      managers: z.array(z.email()).default([]),
      channels: z
        .strictObject({ task: z.boolean().default(true), email: z.boolean().default(true), event: z.boolean().default(true) })
        .prefault({}),
      /** Nothing is sent in these hours of the calendar's time zone; it waits until they are over. */
      quiet: z.tuple([clock, clock]).optional(),
    })
    .prefault({}),
})

export type Rules = z.output<typeof document>

export const DEFAULT_RULES_TEXT = `# The rules of engagement. Every key may be left out: what is written here is what counts then.
calendar:
  timeZone: UTC
  days: [mon, tue, wed, thu, fri]
  hours: ["00:00", "24:00"]
  holidays: []
decision:
  currency: USD
  remindAfter: 0.75
  escalateTo: []
  bands:
    - { from: 0, decideWithin: 48h, approveAutomatically: [] }
protection:
  lasts: 90d
  extensions: { most: 1, days: 30d }
  endsWithLostDeal: true
rivals:
  same_partner: reject
  other_partner: review
  open_direct_deal: review
  open_partner_deal: review
  customer: review
  partner_of_record: review
  lost_deal: note
  direct_lead: note
recently: 90d
notify:
  managers: []
  channels: { task: true, email: true, event: true }
`

export type ParsedRules = { rules: Rules } | { problems: { line: number; message: string }[] }

/** Reads a document. Problems name the line they are in. */
export function parseRules(text: string): ParsedRules {
  const yaml = parseDocument(text)
  const lineOf = (offset: number) => text.slice(0, offset).split('\n').length
  if (yaml.errors.length > 0)
    return { problems: yaml.errors.map((e) => ({ line: lineOf(e.pos[0]), message: e.message.split('\n')[0]! })) }
  const lineAt = (path: PropertyKey[]): number => {
    for (let n = path.length; n > 0; n--) {
      const node = yaml.getIn(path.slice(0, n), true) as { range?: [number, number, number] } | undefined
      if (node?.range) return lineOf(node.range[0])
    }
    return 1
  }
  const parsed = document.safeParse(yaml.toJS() ?? {})
  if (!parsed.success)
    return {
      problems: parsed.error.issues.map((i) => ({
        line: lineAt(i.path),
        message: `${i.path.join('.') || 'the document'}: ${i.message}`,
      })),
    }
  const problems = bandProblems(parsed.data.decision.bands).map(({ band: n, message }) => ({
    line: lineAt(['decision', 'bands', n]),
    message: `decision.bands.${n}: ${message}`,
  }))
  return problems.length > 0 ? { problems } : { rules: parsed.data }
}

/** Bands begin at nothing, end nowhere, and follow each other without a gap or an overlap. */
function bandProblems(bands: Rules['decision']['bands']): { band: number; message: string }[] {
  const order = bands.map((b, n) => ({ ...b, n })).sort((x, y) => x.from - y.from)
  const problems: { band: number; message: string }[] = []
  let reached = 0
  for (const [i, b] of order.entries()) {
    if (b.from > reached) problems.push({ band: b.n, message: `a gap: no band covers amounts from ${reached} to ${b.from}` })
    else if (b.from < reached)
      problems.push({
        band: b.n,
        message: `an overlap: amounts from ${b.from} to ${Math.min(reached, b.upTo ?? reached)} are in two bands`,
      })
    if (b.upTo !== undefined && b.upTo <= b.from) problems.push({ band: b.n, message: 'it ends before it begins' })
    if (b.upTo === undefined && i < order.length - 1)
      problems.push({ band: b.n, message: 'it has no end, and another band follows: say upTo' })
    reached = b.upTo ?? Number.POSITIVE_INFINITY
  }
  if (reached !== Number.POSITIVE_INFINITY)
    problems.push({
      band: order.at(-1)!.n,
      message: `a gap: no band covers amounts of ${reached} and more; leave upTo out of the last one`,
    })
  return problems
}

/** The band of an amount; undefined where it is in another currency than the bands, and only a person can tell. */
export function bandOf(
  { decision }: Rules,
  amount: { amount: string; currency: string } | null,
): Rules['decision']['bands'][number] | undefined {
  if (amount && amount.currency !== decision.currency) return undefined
  const n = amount ? Number(amount.amount) : 0
  return decision.bands.find((b) => n >= b.from && (b.upTo === undefined || n < b.upTo))
}

export const calendarOf = ({ calendar }: Rules): Calendar => ({
  timeZone: calendar.timeZone,
  days: new Set(calendar.days.map((d) => DAY_NAMES.indexOf(d) + 1)),
  hours: calendar.hours,
  holidays: new Set(calendar.holidays),
})
