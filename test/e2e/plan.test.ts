import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fieldMapping, type MappingDocument, mappingSchema } from '../../mappings/mapping.ts'
import { draftMapping, mappingOfVersion } from '../../store/mappings.ts'
import type { Action } from '../../sync/plan/actions.ts'
import { planMappings } from '../../sync/plan/mapping.ts'
import { plan } from '../../sync/plan/plan.ts'
import { activate } from '../../sync/remap.ts'
import { mappingOf } from '../../sync/runtime.ts'
import { closeDatabase, Harness } from '../support/harness.ts'

/** A plan is what the next run would write, no more and no less, and leaves no trace. */

let h: Harness
beforeEach(async () => {
  h = await Harness.start()
})
afterEach(() => h.stop())
afterAll(closeDatabase)

const COMPANY_OF_DEAL = [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 5 }]
const TABLES = [
  'record',
  'link',
  'write',
  'open_write',
  'change',
  'outbox',
  'inbox',
  'conflict',
  'dead_letter',
  'lane_object',
  'natural_key',
  'mapping',
  'brake',
]

/** Everything that is stored, and everything that stands in the two CRMs. */
async function everything() {
  const tables: Record<string, unknown> = {}
  for (const table of TABLES)
    tables[table] = (
      await h.query<{ all: string }>(`select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) as all from ${table} t`)
    )[0]!.all
  const stamps = async (object: string) =>
    (await h.sf('GET', `/query?q=${encodeURIComponent(`SELECT Id, SystemModstamp FROM ${object}`)}`)).body.records
  const objects = async (type: string) => (await h.hs('GET', `/crm/v3/objects/${type}?limit=100`)).body.results
  return {
    ...tables,
    salesforce: [await stamps('Account'), await stamps('Contact'), await stamps('Opportunity')],
    hubspot: [await objects('companies'), await objects('contacts'), await objects('deals')],
  }
}

/** What the writes of a run came to, in the words of a plan. */
async function written(): Promise<string[]> {
  const rows = await h.query<{ connection: string; recordId: string; kind: string; fields: Record<string, unknown> }>(
    // A record that came to be after the plan is named as the plan names it, by the row that it comes from.
    `select connection.name as connection, coalesce('new hubspot ' || source.object || ' ' || source.external_id, write.record_id::text) as "recordId", write.kind, write.fields
    from write join connection on connection.id = write.connection_id join record on record.id = write.record_id
    left join link source on source.record_id = record.id and source.connection_id <> write.connection_id and write.kind = 'create'`,
  )
  return rows
    .flatMap((r) =>
      r.kind === 'delete'
        ? [`${r.connection} ${r.recordId} delete`]
        : Object.keys(r.fields).map((f) => `${r.connection} ${r.recordId} ${f}`),
    )
    .sort()
}
const planned = (actions: Action[]) =>
  actions
    .flatMap((a) =>
      a.kind === 'delete'
        ? [`${a.connection} ${a.recordId} delete`]
        : Object.keys(a.fields).map((f) => `${a.connection} ${a.recordId} ${f}`),
    )
    .sort()

test('everything a run would do is planned: creates with their children, changes, clears, associations, deletes', async () => {
  const account = await h.createAccount({
    Name: 'Alder Works',
    Website: 'alder.example.com',
    Phone: '+4930111',
    NumberOfEmployees: 10,
  })
  const doomed = await h.createAccount({ Name: 'Birch Foods', Website: 'birch.example.com' })
  const other = await h.createCompany({ name: 'Cedar Bank', domain: 'cedar.example.com' })
  const deal = (
    await h.hs('POST', '/crm/v3/objects/deals', {
      properties: { dealname: 'Cedar pilot', closedate: '2027-03-02T08:30:00Z', dealstage: 'contractsent', pipeline: 'default' },
      associations: [{ to: { id: other }, types: COMPANY_OF_DEAL }],
    })
  ).body.id as string
  await h.sync()
  await h.query('delete from write returning 1')
  const company = (await h.twinOf(account, 'hubspot'))!
  // Not read yet: an edit, a clear, a delete, a new company with a deal, and a deal that moves to another company.
  await h.sf('PATCH', `/sobjects/Account/${account}`, { NumberOfEmployees: 12, Phone: null })
  await h.hs('PATCH', `/crm/v3/objects/companies/${company}`, { properties: { city: 'Berlin', country: 'Germany' } })
  await h.sf('DELETE', `/sobjects/Account/${doomed}`)
  const fresh = await h.createCompany({ name: 'Dogwood Air', domain: 'dogwood.example.com' })
  await h.hs('POST', '/crm/v3/objects/deals', {
    properties: { dealname: 'Dogwood pilot', closedate: '2027-03-02T08:30:00Z', dealstage: 'contractsent', pipeline: 'default' },
    associations: [{ to: { id: fresh }, types: COMPANY_OF_DEAL }],
  })
  const opportunity = (await h.twinOf(deal, 'salesforce'))!
  await h.sf('PATCH', `/sobjects/Opportunity/${opportunity}`, { AccountId: account })

  const before = await everything()
  const { actions, calls, conflicts, rejected } = await plan(h.engine)
  expect(await everything()).toEqual(before)
  expect({ conflicts, rejected }).toEqual({ conflicts: [], rejected: [] })
  expect(new Set(actions.map((a) => `${a.connection} ${a.entity} ${a.kind}`))).toEqual(
    new Set([
      'hubspot account update',
      'hubspot account clear',
      'hubspot account delete',
      'salesforce account update',
      'salesforce account create',
      'salesforce deal create',
      'hubspot deal associate',
    ]),
  )
  expect(actions.find((a) => a.kind === 'clear')).toMatchObject({
    externalId: company,
    name: 'Alder Works',
    fields: { phone: { before: '+4930111', after: null } },
    reason: 'changed in salesforce',
  })
  expect(calls.salesforce).toBeGreaterThan(0)

  await h.sync()
  expect(await written()).toEqual(planned(actions))
  expect(await plan(h.engine)).toMatchObject({ actions: [] })
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
})

describe('a plan', () => {
  test('of one entity or one record holds nothing else', async () => {
    const account = await h.createAccount({ Name: 'Alder Works', Website: 'alder.example.com' })
    const contact = (
      await h.sf('POST', '/sobjects/Contact', { LastName: 'Ash', Email: 'ash@alder.example.com', AccountId: account })
    ).body.id
    await h.sync()
    await h.sf('PATCH', `/sobjects/Account/${account}`, { Phone: '+4930222' })
    await h.sf('PATCH', `/sobjects/Contact/${contact}`, { Title: 'Buyer' })
    const [{ id }] = (await h.query<{ id: string }>(`select record_id as id from link where external_id = '${account}'`)) as [
      { id: string },
    ]
    expect((await plan(h.engine, { entity: 'contact' })).actions).toMatchObject([
      { entity: 'contact', fields: { jobTitle: { after: 'Buyer' } } },
    ])
    expect((await plan(h.engine, { recordId: id })).actions).toMatchObject([{ entity: 'account', recordId: id }])
  })

  test('shows what would become a conflict, and what a pause or a brake holds back', async () => {
    const accounts: string[] = []
    for (let i = 0; i < 12; i++)
      accounts.push(await h.createAccount({ Name: `Alder ${i}`, Website: `alder${i}.example.com`, Phone: '+4930111' }))
    await h.sync()
    await h.query(`insert into pause (scope, reason) values ('all', 'test') returning 1`)
    const company = (await h.twinOf(accounts[0]!, 'hubspot'))!
    await h.sf('PATCH', `/sobjects/Account/${accounts[0]}`, { Phone: '+4930222' })
    await h.hs('PATCH', `/crm/v3/objects/companies/${company}`, { properties: { phone: '+4930333' } })
    for (const id of accounts.slice(1, 8)) await h.sf('DELETE', `/sobjects/Account/${id}`)
    const { actions, conflicts } = await plan(h.engine)
    expect(conflicts).toMatchObject([{ field: 'phone' }])
    expect(actions.filter((a) => a.kind === 'delete')).toHaveLength(7)
    expect(actions.every((a) => a.kind === 'delete' && a.held?.startsWith('the brake'))).toBe(true)
    expect(await h.query(`select 1 from conflict`)).toEqual([])
  })

  test('of values that do not fit lists them', async () => {
    const account = await h.createAccount({ Name: 'Alder Works', Website: 'alder.example.com' })
    await h.sync()
    const [{ id }] = (await h.query<{ id: string }>(`select record_id as id from link where external_id = '${account}'`)) as [
      { id: string },
    ]
    await h.query(
      `update record set fields = jsonb_set(fields, '{name}', '{"v":"${'x'.repeat(300)}","n":9,"o":"api","t":[1,1]}') where id = '${id}' returning 1`,
    )
    await h.query(
      `insert into outbox (link_id, connection_id, entity) select id, connection_id, entity from link where record_id = '${id}' returning 1`,
    )
    const { rejected } = await plan(h.engine)
    expect(rejected).toMatchObject([{ field: 'name', class: 'does_not_fit' }])
  })
})

describe('a mapping that maps one more field', () => {
  const widened = (connection: string, fax: string) => {
    const { document } = h.engine.runtimes.find((r) => r.name === connection)!.mappings.find((m) => m.entity === 'account')!
    return { ...document, fields: { ...document.fields, fax: { ...fieldMapping(fax), type: 'text' as const } } }
  }
  const publish = async (connection: string, document: MappingDocument) => {
    const rt = h.engine.runtimes.find((r) => r.name === connection)!
    await h.tx((tx) => activate(tx, rt, document))
  }

  test('is planned for the records that are there, and back-fills them as planned once it is published', async () => {
    const account = await h.createAccount({ Name: 'Alder Works', Website: 'alder.example.com', Fax: '+4930999' })
    await h.hs('POST', '/crm/v3/properties/companies', {
      name: 'fax',
      label: 'Fax',
      type: 'string',
      fieldType: 'text',
      groupName: 'companyinformation',
    })
    await h.sync()
    const company = (await h.twinOf(account, 'hubspot'))!
    // Nobody reads it yet in Salesforce: HubSpot alone has nothing to take it from.
    await publish('hubspot', widened('hubspot', 'fax'))
    await h.sync()
    expect(await h.object('companies', company, ['fax'])).toMatchObject({ fax: null })
    const document = widened('salesforce', 'Fax')
    const before = await everything()
    const { actions } = await planMappings(h.engine, [{ rt: h.engine.runtimes[0]!, document }])
    expect(await everything()).toEqual(before)
    expect(actions).toMatchObject([
      { connection: 'hubspot', kind: 'update', fields: { fax: { before: null, after: '+4930999' } } },
    ])
    await h.query('delete from write returning 1')
    await publish('salesforce', document)
    await h.sync()
    await h.sync()
    expect(await written()).toEqual(planned(actions))
    expect(await h.object('companies', company, ['fax'])).toMatchObject({ fax: '+4930999' })
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })

  test('taken back, stops without touching what it wrote', async () => {
    const account = await h.createAccount({ Name: 'Alder Works', Website: 'alder.example.com' })
    await h.sync()
    const [rt] = h.engine.runtimes
    const first = mappingOf(rt!, 'account')!.document
    await publish('salesforce', widened('salesforce', 'Fax'))
    await h.sync()
    expect(mappingOf(rt!, 'account')!.byName.has('fax')).toBe(true)
    await publish('salesforce', mappingSchema.parse((await h.tx((tx) => mappingOfVersion(tx, rt!.id, 'account', 1)))!.document))
    await h.sync()
    expect(mappingOf(rt!, 'account')!.document).toEqual(first)
    expect((await h.account(account)).Name).toBe('Alder Works')
  })
})

describe('mappings', () => {
  test('are kept as drafts, which change nothing until they are published, under their own number', async () => {
    const account = await h.createAccount({ Name: 'Alder Works', Website: 'alder.example.com', Fax: '+4930111' })
    await h.sync()
    const rt = h.engine.runtimes[0]!
    const { document } = mappingOf(rt, 'account')!
    const wider: MappingDocument = { ...document, fields: { ...document.fields, fax: { ...fieldMapping('Fax'), type: 'text' } } }
    const version = await h.tx((tx) => draftMapping(tx, rt.id, 'account', wider))
    await h.sync()
    expect(await h.query(`select fields -> 'fax' as fax from record`)).toEqual([{ fax: null }])
    expect(await h.tx((tx) => activate(tx, rt, wider, version))).toBe(version)
    await h.scan()
    expect(await h.query(`select fields #>> '{fax,v}' as fax from record`)).toEqual([{ fax: '+4930111' }])
    expect(
      await h.query(
        `select version, status from mapping where connection_id = '${rt.id}' and entity = 'account' order by version`,
      ),
    ).toEqual([
      { version: 1, status: 'superseded' },
      { version, status: 'active' },
    ])
    expect((await h.account(account)).Fax).toBe('+4930111')
  })

  test('of both CRMs are planned together, and the run that follows writes what was planned', async () => {
    const account = await h.createAccount({ Name: 'Alder Works', Website: 'alder.example.com', AccountNumber: '77' })
    await h.sync()
    const company = (await h.twinOf(account, 'hubspot'))!
    const wider = (i: number, field: string): { rt: (typeof h.engine.runtimes)[number]; document: MappingDocument } => {
      const rt = h.engine.runtimes[i]!
      const { document } = mappingOf(rt, 'account')!
      return {
        rt,
        document: { ...document, fields: { ...document.fields, customerNumber: { ...fieldMapping(field), type: 'text' } } },
      }
    }
    const changes = [wider(0, 'AccountNumber'), wider(1, 'description')]
    const { actions } = await planMappings(h.engine, changes)
    expect(actions).toMatchObject([{ connection: 'hubspot', kind: 'update', fields: { customerNumber: { after: '77' } } }])
    await h.tx(async (tx) => {
      for (const { rt, document } of changes) await activate(tx, rt, document)
    })
    await h.scan()
    await h.sync()
    expect((await h.object('companies', company, ['description'])).description).toBe('77')
  })
})

test('what a mapping only reads leaves nothing waiting to be written', async () => {
  const account = await h.createAccount({ Name: 'Alder Works', Website: 'alder.example.com', Phone: '+4930111' })
  await h.sync()
  const rt = h.engine.runtimes.find((r) => r.name === 'hubspot')!
  const { document } = rt.mappings.find((m) => m.entity === 'account')!
  await h.tx((tx) => activate(tx, rt, { ...document, write: false }))
  await h.sync()
  await h.sf('PATCH', `/sobjects/Account/${account}`, { Phone: '+4930222' })
  await h.sync()
  expect(await h.query('select entity from outbox')).toEqual([])
  const company = (await h.twinOf(account, 'hubspot'))!
  expect((await h.object('companies', company, ['phone'])).phone).toBe('+4930111')
  await h.tx((tx) => activate(tx, rt, document))
  await h.sync()
  await h.sync()
  expect((await h.object('companies', company, ['phone'])).phone).toBe('+4930222')
})
