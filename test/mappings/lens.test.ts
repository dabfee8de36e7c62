import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Connector } from '../../connectors/connector.ts'
import { HubspotConnector } from '../../connectors/hubspot/hubspot.ts'
import { SalesforceConnector } from '../../connectors/salesforce/salesforce.ts'
import { type CompiledField, type CompiledMapping, compileMapping } from '../../mappings/compile.ts'
import type { LensContext } from '../../mappings/context.ts'
import { readRows, render } from '../../mappings/lens.ts'
import { parseMapping } from '../../mappings/mapping.ts'
import type { Value } from '../../mappings/model/value.ts'
import type { ObjectSchema, RawRow } from '../../mappings/schema.ts'
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.ts'
import { defaultMappings } from '../../src/default-mappings.ts'

/** The two laws of the lens, over every mapped field of the default mappings and every option the CRMs describe. */

let sandbox: Sandbox
const compiled: { crm: string; mapping: CompiledMapping }[] = []
const wire = (token: string) => ({
  token: async () => token,
  call: <T>(_: unknown, run: () => Promise<T>) => run(),
  note: () => {},
})

beforeAll(async () => {
  sandbox = await startSandbox({ limits: false })
  const { salesforce, hubspot } = sandbox.info
  const connectors: Record<string, Connector> = {
    salesforce: new SalesforceConnector({ instanceUrl: salesforce.instanceUrl, wire: wire(salesforce.personToken) }),
    hubspot: new HubspotConnector({ baseUrl: hubspot.baseUrl, wire: wire(hubspot.accessToken) }),
  }
  for (const crm of ['salesforce', 'hubspot'] as const)
    for (const document of defaultMappings(crm))
      compiled.push({ crm, mapping: compileMapping(document, await connectors[crm]!.describe(document.object)) })
})
afterAll(() => sandbox.stop())

const RECORD = '3f1f9a52-6f7a-4a53-8b53-0d9a3c2f1e11'
const context = (schema: ObjectSchema, timeZone = 'UTC'): LensContext => ({
  timeZone,
  currency: 'USD',
  currencies: new Set(['USD', 'EUR', 'GBP']),
  users: {
    emailOf: (id) => (id === 'U1' ? 'ann@example.com' : undefined),
    userOf: (email) => (email === 'ann@example.com' ? { id: 'U1', active: true } : undefined),
  },
  references: {
    recordOf: (id) => (id === 'EXT1' ? RECORD : undefined),
    externalOf: (id) => (id === RECORD ? 'EXT1' : undefined),
  },
  schema,
})

/** Values of a field's type that a CRM can hold. */
function samples(field: CompiledField): Value[] {
  const values = field.mapping.groups
    ? Object.values(Object.values(field.mapping.groups)[0]!)
    : field.mapping.values && Object.values(field.mapping.values)
  if (values) return [...new Set(values as string[])]
  switch (field.type) {
    case 'text':
      return ['Alder & Söhne GmbH', 'a']
    case 'longtext':
      return ['one\ntwo', '12 Main St']
    case 'integer':
      return [0, 1, 9000]
    case 'decimal':
    case 'percent':
      return ['0', '12.5']
    case 'money':
      return [
        { amount: '0', currency: 'USD' },
        { amount: '100000', currency: 'USD' },
      ]
    case 'date':
      return ['2026-03-08', '2026-11-01', '2024-02-29']
    case 'datetime':
      return ['2026-03-08T02:30:00.000Z']
    case 'boolean':
      return [true, false]
    case 'enum':
      return [...(field.enumValues ?? ['x'])]
    case 'email':
      return ['ann@example.com']
    case 'phone':
      return ['+14155550100', '+493012345678']
    case 'domain':
      return ['alder.example.com']
    case 'url':
      return ['https://alder.example.com/x']
    case 'country':
      return ['US', 'DE', 'GB']
    case 'user':
      return ['ann@example.com']
    case 'reference':
      return [RECORD]
    default:
      return []
  }
}

/** What the row holds after a write, as the CRM would store it. */
const stored = (current: RawRow, written: RawRow): RawRow => ({ ...current, ...written })

describe('PutGet: what is written reads back as the same value', () => {
  test('for every writable field of every default mapping', async () => {
    let checked = 0
    for (const { crm, mapping } of compiled) {
      const ctx = context(mapping.schema)
      for (const field of mapping.fields.filter((f) => f.writes && f.type !== 'state')) {
        for (const value of [...samples(field), null]) {
          const rendering = await render(field, value, {}, ctx)
          expect(rendering, `${crm} ${mapping.entity}.${field.name} ${JSON.stringify(value)}`).toHaveProperty('columns')
          const row = stored(
            Object.fromEntries([field.column, ...(field.companion ? [field.companion] : [])].map((c) => [c, null])),
            (rendering as { columns: RawRow }).columns,
          )
          const [reading] = await readRows(mapping, [row], ctx)
          expect(reading!.get(field.name), `${crm} ${mapping.entity}.${field.name}`).toMatchObject({ value })
          checked++
        }
      }
    }
    expect(checked).toBeGreaterThan(150)
  })
})

describe('GetPut: every option a CRM describes reads as one canonical value, which writes back to a value that reads the same', () => {
  test('for every option of every mapped picklist', async () => {
    const unmapped: string[] = []
    let checked = 0
    for (const { crm, mapping } of compiled) {
      const ctx = context(mapping.schema)
      for (const field of mapping.fields.filter((f) => f.writes && (f.mapping.values || f.mapping.groups))) {
        for (const option of mapping.schema.fields[field.column]?.options ?? []) {
          const row: RawRow = { [field.column]: option.value, ...(field.companion && { [field.companion]: 'default' }) }
          const [first] = await readRows(mapping, [row], ctx)
          const reading = first!.get(field.name)!
          if ('problem' in reading) {
            unmapped.push(`${crm} ${mapping.entity}.${field.name} ${option.value}`)
            continue
          }
          const rendering = await render(field, (reading as { value: Value }).value, row, ctx)
          const [second] = await readRows(mapping, [stored(row, (rendering as { columns: RawRow }).columns)], ctx)
          expect(second!.get(field.name)).toMatchObject({ value: (reading as { value: Value }).value })
          checked++
        }
      }
    }
    expect(checked).toBeGreaterThan(120)
    // Types that tell partners from other accounts, and nothing else, have no canonical value.
    expect(unmapped.filter((u) => !/partner\.type|ALTERNATIVE_MEDICINE/.test(u))).toEqual([])
  })
})

describe('dates', () => {
  const deal = () => compiled.find((c) => c.crm === 'hubspot' && c.mapping.entity === 'deal')!.mapping
  test.each(['Pacific/Honolulu', 'Pacific/Tongatapu', 'Europe/Berlin', 'America/New_York', 'America/Sao_Paulo', 'Africa/Cairo'])(
    'a calendar date survives the way through a date-time in %s, every day of two years',
    async (zone) => {
      const mapping = deal()
      const field = mapping.byName.get('closeDate')!
      const ctx = context(mapping.schema, zone)
      for (let day = Date.UTC(2025, 0, 1); day < Date.UTC(2027, 0, 1); day += 86_400_000) {
        const value = new Date(day).toISOString().slice(0, 10)
        const { columns } = (await render(field, value, {}, ctx)) as { columns: RawRow }
        const [reading] = await readRows(mapping, [columns], ctx)
        expect(reading!.get('closeDate')).toMatchObject({ value })
      }
    },
  )
  test('a time of day is no change of the date', async () => {
    const ctx = context(deal().schema, 'Pacific/Honolulu')
    const [a, b] = await readRows(deal(), [{ closedate: '2026-05-02T09:59:00Z' }, { closedate: '2026-05-01T10:00:00Z' }], ctx)
    expect(a!.get('closeDate')).toMatchObject({ value: '2026-05-01' })
    expect(b!.get('closeDate')).toMatchObject({ value: '2026-05-01' })
  })
})

describe('what does not fit is told, never cut', () => {
  const account = () => compiled.find((c) => c.crm === 'salesforce' && c.mapping.entity === 'account')!.mapping
  const problem = async (name: string, value: Value, over: Partial<LensContext> = {}) =>
    render(account().byName.get(name)!, value, {}, { ...context(account().schema), ...over })
  test('a text that is too long', async () => expect(await problem('name', 'x'.repeat(256))).toHaveProperty('problem'))
  test('a number with too many decimals', async () =>
    expect(await problem('annualRevenue', { amount: '1.5', currency: 'USD' })).toHaveProperty('problem'))
  test('a currency that is not enabled', async () =>
    expect(await problem('annualRevenue', { amount: '1', currency: 'JPY' })).toHaveProperty('problem'))
  test('a user who is inactive here', async () =>
    expect(
      await problem('owner', 'gone@example.com', {
        users: { emailOf: () => undefined, userOf: () => ({ id: 'U9', active: false }) },
      }),
    ).toHaveProperty('problem'))
})

test('a mapping with an unknown field is refused, naming it', () => {
  expect(() => parseMapping({ crm: 'hubspot', entity: 'deal', object: 'deals', fields: { nope: 'x' } })).toThrow(/nope/)
})

test('money keeps every digit', () =>
  fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 10 ** 12 }), fc.integer({ min: 0, max: 99 }), async (whole, cents) => {
      const mapping = compiled.find((c) => c.crm === 'hubspot' && c.mapping.entity === 'deal')!.mapping
      const [reading] = await readRows(
        mapping,
        [{ amount: `${whole}.${String(cents).padStart(2, '0')}`, deal_currency_code: 'EUR' }],
        context(mapping.schema),
      )
      const read = reading!.get('amount') as unknown as { value: { amount: string; currency: string } }
      expect(Number(read.value.amount)).toBeCloseTo(whole + cents / 100, 2)
      expect(read.value.currency).toBe('EUR')
    }),
    { numRuns: 50 },
  ))

test('the default mappings are valid documents', () => {
  expect(readFileSync(new URL('../../mappings/defaults/hubspot/deal.yaml', import.meta.url), 'utf8')).toContain('entity: deal')
  expect(compiled).toHaveLength(12)
  // What the local CRMs lack is nothing: every default field exists.
  expect(compiled.flatMap((c) => c.mapping.missing)).toEqual([])
})
