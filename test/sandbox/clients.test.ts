import { Client } from '@hubspot/api-client'
import { AssociationSpecAssociationCategoryEnum } from '@hubspot/api-client/lib/codegen/crm/associations/v4/models/AssociationSpec.js'
import { FilterOperatorEnum } from '@hubspot/api-client/lib/codegen/crm/deals/models/Filter.js'
import {
  PropertyCreateFieldTypeEnum,
  PropertyCreateTypeEnum,
} from '@hubspot/api-client/lib/codegen/crm/properties/models/PropertyCreate.js'
import { Connection } from 'jsforce'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.ts'

/** The unmodified jsforce and HubSpot clients drive the sandbox: own transports, only URL and token set. */

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await startSandbox({ limits: false })
})
afterAll(() => sandbox.stop())

const ids = (results: { id?: string; success: boolean }[]) =>
  results.map((r) => (r.success && r.id ? r.id : expect.fail('refused')))

describe('jsforce', () => {
  let conn: Connection
  beforeAll(() => {
    const { instanceUrl, personToken } = sandbox.info.salesforce
    conn = new Connection({ instanceUrl, accessToken: personToken, version: '60.0' })
  })

  test('logs in by refresh token and by client credentials', async () => {
    const { loginUrl, instanceUrl, clientId, clientSecret, refreshToken } = sandbox.info.salesforce
    const refreshed = new Connection({ instanceUrl, refreshToken, oauth2: { loginUrl, clientId, clientSecret }, version: '60.0' })
    expect((await refreshed.query('SELECT Id FROM User')).done).toBe(true)
    const app = new Connection({ oauth2: { loginUrl, clientId, clientSecret }, version: '60.0' })
    await app.authorize({ grant_type: 'client_credentials' })
    expect((await app.identity()).organization_id).toBe(sandbox.world.org.id)
  })

  test('creates, updates, upserts and deletes lists, one outcome per record', async () => {
    const made = ids(await conn.sobject('Contact').create([{ LastName: 'One' }, { LastName: 'Two' }]))
    const updated = await conn.sobject('Contact').update(made.map((Id) => ({ Id, Title: 'CEO' })))
    expect(updated.every((r) => r.success)).toBe(true)
    const key = 'Concordat_Id__c'
    const upserted = await conn.sobject('Contact').upsert(
      [
        { [key]: 'k1', LastName: 'Three' },
        { [key]: 'k1', LastName: 'Four' },
      ],
      key,
    )
    expect(upserted.map((r) => r.success && r.created)).toEqual([true, false])
    const mixed = await conn.sobject('Contact').create([{ LastName: 'Fine' }, { FirstName: 'No last name' }])
    expect(mixed.map((r) => r.success)).toEqual([true, false])
    expect((await conn.sobject('Contact').destroy(made)).every((r) => r.success)).toBe(true)
    expect((await conn.query(`SELECT Id FROM Contact WHERE Id = '${made[0]}'`)).totalSize).toBe(0)
  })

  test('fetches every page of a query', async () => {
    const leads = Array.from({ length: 450 }, (_, i) => ({ LastName: `Lead ${i}`, Company: 'Somewhere' }))
    await conn.sobject('Lead').create(leads, { allowRecursive: true })
    const headers = { 'Sforce-Query-Options': 'batchSize=200' }
    const { records } = await conn.query('SELECT Id, LastName FROM Lead', { autoFetch: true, maxFetch: 10_000, headers })
    expect(new Set(records.map((r) => r.Id)).size).toBe(450)
  })

  test('describes, retrieves and reads what is recent', async () => {
    const { id } = await conn.sobject('Account').create({ Name: 'Acme', BillingCity: 'Bern' })
    const account = await conn.sobject('Account').retrieve(id!)
    expect(account).toMatchObject({ Name: 'Acme', BillingAddress: { city: 'Bern' } })
    const described = await conn.sobject('Account').describe()
    expect(described.fields.map((f) => f.name)).toEqual(
      expect.arrayContaining(Object.keys(account).filter((k) => k !== 'attributes')),
    )
    expect((await conn.describeGlobal()).sobjects.map((o) => o.name)).toContain('Account')
    expect((await conn.recent('Account')).map((r) => r.Id)).toContain(id)
    expect(conn.limitInfo.apiUsage?.limit).toBe(sandbox.world.org.calls.limit)
  })

  test('undeletes and merges by SOAP', async () => {
    const [kept, lost] = ids(await conn.sobject('Account').create([{ Name: 'Kept' }, { Name: 'Lost' }])) as [string, string]
    await conn.sobject('Account').destroy(kept)
    const [undeleted] = [await conn.soap.undelete([kept])].flat()
    expect(undeleted).toMatchObject({ success: true })
    const [merged] = [await conn.soap.merge([{ masterRecord: { type: 'Account', Id: kept }, recordToMergeIds: [lost] }])].flat()
    expect(merged).toMatchObject({ id: kept, success: true, mergedRecordIds: [lost] })
    const gone = await conn.query<{ MasterRecordId: string }>(`SELECT MasterRecordId FROM Account WHERE Id = '${lost}'`, {
      scanAll: true,
    })
    expect(gone.records[0]?.MasterRecordId).toBe(kept)
  })

  test('loads and queries in bulk', async () => {
    const input = [{ Name: 'Bulk one' }, { Name: 'Bulk two' }]
    const { successfulResults, failedResults } = await conn.bulk2.loadAndWaitForResults({
      object: 'Account',
      operation: 'insert',
      input,
    })
    expect([successfulResults.length, failedResults.length]).toEqual([2, 0])
    const records = await (await conn.bulk2.query("SELECT Id, Name FROM Account WHERE Name LIKE 'Bulk%'")).toArray()
    expect(records.map((r) => r.Name).sort()).toEqual(['Bulk one', 'Bulk two'])
  })
})

describe('@hubspot/api-client', () => {
  let client: Client
  beforeAll(() => {
    client = new Client({ accessToken: sandbox.info.hubspot.accessToken, basePath: sandbox.info.hubspot.baseUrl })
  })
  const company = (name: string) => ({ properties: { name }, associations: [] })
  const PRIMARY = { associationCategory: AssociationSpecAssociationCategoryEnum.HubspotDefined, associationTypeId: 1 }

  test('creates, reads, lists, updates and archives single records', async () => {
    const { basicApi } = client.crm.companies
    const { id } = await basicApi.create(company('Acme'))
    await basicApi.update(id, { properties: { city: 'Bern' } })
    expect((await basicApi.getById(id, ['name', 'city'])).properties).toMatchObject({ name: 'Acme', city: 'Bern' })
    await basicApi.create(company('Second'))
    const first = await basicApi.getPage(1, undefined, ['name'])
    const second = await basicApi.getPage(1, first.paging?.next?.after, ['name'])
    expect(second.results[0]?.id).not.toBe(first.results[0]?.id)
    await basicApi.archive(id)
    await expect(basicApi.getById(id)).rejects.toMatchObject({ code: 404 })
  })

  test('writes and reads in batches', async () => {
    const { batchApi } = client.crm.contacts
    const inputs = ['a', 'b'].map((n) => ({ properties: { email: `${n}@batch.example.com` }, associations: [] }))
    const { results } = await batchApi.create({ inputs })
    await batchApi.update({ inputs: results.map(({ id }) => ({ id, properties: { city: 'Bern' } })) })
    const upserted = await batchApi.upsert({
      inputs: ['b', 'c'].map((n) => ({ id: `${n}@batch.example.com`, idProperty: 'email', properties: { city: 'Rome' } })),
    })
    expect(upserted.results.map((r) => r._new)).toEqual([false, true])
    const read = await batchApi.read({
      inputs: results.map(({ id }) => ({ id })),
      properties: ['city'],
      propertiesWithHistory: [],
    })
    expect(read.results.map((r) => r.properties.city).sort()).toEqual(['Bern', 'Rome'])
    await batchApi.archive({ inputs: results.map(({ id }) => ({ id })) })
    await expect(client.crm.contacts.basicApi.getById(results[0]!.id)).rejects.toMatchObject({ code: 404 })
  })

  test('searches', async () => {
    await client.crm.deals.basicApi.create({ properties: { dealname: 'Found', amount: '5' }, associations: [] })
    const filter = { propertyName: 'dealname', operator: FilterOperatorEnum.Eq, value: 'found' }
    const answer = await client.crm.deals.searchApi.doSearch({
      filterGroups: [{ filters: [filter] }],
      properties: ['amount'],
      limit: 10,
    })
    expect(answer.results.map((r) => r.properties.amount)).toEqual(['5'])
  })

  test('associates, and reads associations', async () => {
    const contact = await client.crm.contacts.basicApi.create({ properties: { email: 'x@example.com' }, associations: [] })
    const { id } = await client.crm.companies.basicApi.create(company('Employer'))
    const { basicApi, batchApi } = client.crm.associations.v4
    await basicApi.create('contacts', contact.id, 'companies', id, [PRIMARY])
    const page = await basicApi.getPage('contacts', contact.id, 'companies')
    expect(page.results[0]?.associationTypes.map((t) => t.typeId).sort((a, b) => a - b)).toEqual([1, 279])
    const batch = await batchApi.getPage('contacts', 'companies', { inputs: [{ id: contact.id }] })
    expect(batch.results[0]?.to.map((t) => String(t.toObjectId))).toEqual([id])
    await basicApi.archive('contacts', contact.id, 'companies', id)
    expect((await basicApi.getPage('contacts', contact.id, 'companies')).results).toEqual([])
  })

  test('reads properties, pipelines and owners', async () => {
    const made = {
      name: 'client_made',
      label: 'Made',
      groupName: 'dealinformation',
      type: PropertyCreateTypeEnum.String,
      fieldType: PropertyCreateFieldTypeEnum.Text,
    }
    await client.crm.properties.coreApi.create('deals', made)
    const { results } = await client.crm.properties.coreApi.getAll('deals')
    expect(results.map((p) => p.name)).toEqual(expect.arrayContaining(['dealname', 'client_made']))
    const pipelines = await client.crm.pipelines.pipelinesApi.getAll('deals')
    expect(pipelines.results[0]?.stages.map((s) => s.id)).toContain('closedwon')
    expect((await client.crm.owners.ownersApi.getPage()).results.length).toBeGreaterThan(0)
  })

  test('merges into a third record that both old ids lead to', async () => {
    const { basicApi } = client.crm.companies
    const [a, b] = [await basicApi.create(company('A')), await basicApi.create(company('B'))]
    const merged = await basicApi.merge({ primaryObjectId: a.id, objectIdToMerge: b.id })
    expect((await basicApi.getById(a.id)).id).toBe(merged.id)
    expect((await basicApi.getById(b.id)).id).toBe(merged.id)
  })
})
