import { z } from 'zod'
import type { Entry } from './entry.ts'
import type { Exchange } from './recordings.ts'
import type { Stage } from './stage.ts'

/**
 * Makes the recorder's org out of a recording: its own objects and fields (everything that ends in `__c`), and the
 * rows that the requests name or the answers show, under their ids. Standard objects and fields are not made: those
 * the sandbox must have by itself.
 */

type Values = Record<string, unknown>
interface Seen {
  object: string
  id: string
  values: Values
}

const isRecord = (v: unknown): v is Values => typeof v === 'object' && v !== null && !Array.isArray(v)
const withType = z.object({ attributes: z.object({ type: z.string() }) })

/** Objects that every org has but the sandbox has no table for. */
const PREFIX: Record<string, string> = { Whizbang: 'a0W', Custom__c: 'a0C' }

/** Rows that answers show, parents before the rows that name them. */
function shown(value: unknown): Seen[] {
  if (Array.isArray(value)) return value.flatMap(shown)
  if (!isRecord(value)) return []
  const nested = Object.entries(value)
    .filter(([key]) => key !== 'attributes')
    .flatMap(([, v]) => shown(v))
  const url = isRecord(value.attributes) ? String(value.attributes.url ?? '') : ''
  const [, object, id] = /\/sobjects\/(\w+)\/(\w{15,18})$/.exec(url) ?? []
  if (!object || !id) return nested
  return [
    ...nested,
    {
      object,
      id,
      values: Object.fromEntries(
        Object.entries(value).filter(([k, v]) => k !== 'attributes' && !isRecord(v) && !Array.isArray(v)),
      ),
    },
  ]
}

const outcome = z.object({ success: z.boolean(), errors: z.array(z.object({ statusCode: z.string() })) })
/** Whether a row was there, by what became of its update. */
const existed = ({ success, errors }: z.infer<typeof outcome>) =>
  success || !errors.some((e) => ['INVALID_CROSS_REFERENCE_KEY', 'ENTITY_IS_DELETED', 'MALFORMED_ID'].includes(e.statusCode))

/** Rows that requests name: in the path, in a list of ids, in the records of a collection whose update succeeded. */
function named({ request, answer }: Exchange): Seen[] {
  const [path = '', query = ''] = request.path.split('?')
  const single = /\/sobjects\/(\w+)\/(?:Id\/)?(\w{15,18})$/.exec(path)
  const found: Seen[] = single && single[2] !== 'describe' ? [{ object: single[1]!, id: single[2]!, values: {} }] : []
  if (request.method === 'DELETE')
    for (const id of decodeURIComponent(new URLSearchParams(query).get('ids') ?? '').split(','))
      if (id) found.push({ object: OBJECTS[id.slice(0, 3)] ?? 'Account', id, values: {} })
  const counted = z.object({ sObjects: z.array(z.object({ count: z.number(), name: z.string() })) }).safeParse(answer.body)
  for (const { name } of counted.success ? counted.data.sObjects : [])
    found.push({ object: name, id: `${PREFIXES[name] ?? 'a01'}000000000001`, values: {} })
  const results = z.array(outcome).safeParse(answer.body)
  const sent = z.object({ records: z.array(withType.loose()) }).safeParse(request.body)
  if (request.method === 'PATCH' && sent.success && results.success)
    for (const [i, r] of sent.data.records.entries()) {
      const id = (r as Values).id ?? (r as Values).Id
      if (typeof id === 'string' && results.data[i] && existed(results.data[i]))
        found.push({ object: r.attributes.type, id, values: {} })
    }
  return found
}

const OBJECTS: Record<string, string> = { '001': 'Account', '003': 'Contact', '006': 'Opportunity', '00Q': 'Lead' }
const PREFIXES = Object.fromEntries(Object.entries(OBJECTS).map(([prefix, name]) => [name, prefix]))
const REQUIRED: Record<string, Values> = {
  Account: { Name: 'Someone' },
  Contact: { LastName: 'Someone' },
  Lead: { LastName: 'Someone', Company: 'Somewhere' },
  Opportunity: { Name: 'Something', StageName: 'Prospecting', CloseDate: '2030-01-01' },
  User: { Username: 'someone@example.com', LastName: 'Someone', Email: 'someone@example.com' },
}

/** Custom fields per object that a recording names, with a type that fits what it shows of them. */
function customFields(exchanges: Exchange[], rows: Seen[]): Map<string, Map<string, string>> {
  const found = new Map<string, Map<string, string>>()
  const add = (object: string, field: string, type: string) => {
    const fields = found.get(object) ?? new Map<string, string>()
    if (!fields.has(field) || fields.get(field) === 'string') fields.set(field, type)
    found.set(object, fields)
  }
  for (const { object, values } of rows)
    for (const [k, v] of Object.entries(values)) if (k.endsWith('__c')) add(object, k, typeFor(v))
  for (const { request } of exchanges) {
    const sent = z.object({ records: z.array(withType.loose()) }).safeParse(request.body)
    for (const r of sent.success ? sent.data.records : [])
      for (const [k, v] of Object.entries(r)) if (k.endsWith('__c')) add(r.attributes.type, k, typeFor(v))
    const soql = new URLSearchParams(request.path.split('?')[1]).get('q') ?? ''
    const from = /\bFROM\s+(\w+)/i.exec(soql)?.[1]
    if (from) for (const field of soql.match(/\b\w+__c\b/g) ?? []) if (field !== from) add(from, field, 'string')
  }
  return found
}

const typeFor = (value: unknown) =>
  typeof value === 'number' ? 'double(18,2)' : typeof value === 'boolean' ? 'boolean' : 'string'

/** Lets the sandbox's org hold what the recording's held when an exchange took place. */
export async function prepareOrg(stage: Stage, exchange: Exchange, entry: Pick<Entry, 'absent' | 'types'>): Promise<void> {
  const rows = entry.absent ? [] : [...named(exchange), ...shown(exchange.answer.status < 300 ? exchange.answer.body : undefined)]
  for (const [object, fields] of customFields([exchange], rows))
    await stage.control('/salesforce/fields', {
      object,
      ...(object in PREFIX && { prefix: PREFIX[object] }),
      lines: [...fields].map(([name, type]) => `${name} ${entry.types?.[name] ?? type}`),
    })
  const merged = new Map<string, Seen>()
  for (const { object, id, values } of rows) merged.set(id, { object, id, values: { ...merged.get(id)?.values, ...values } })
  for (const { object, id, values } of merged.values())
    await stage.control('/salesforce/rows', {
      object,
      id,
      values: { ...REQUIRED[object], ...Object.fromEntries(Object.entries(values).filter(([, v]) => v !== null)) },
    })
}
