import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { closeDatabase, Harness } from '../support/harness.ts'

/** Driven only through the two CRMs' public APIs: each history ends as the protocol says. */

let h: Harness
beforeEach(async () => {
  h = await Harness.start()
})
afterEach(() => h.stop())
afterAll(closeDatabase)

const PROPS = ['name', 'domain', 'phone', 'numberofemployees', 'concordat_id']

/** One account that both CRMs hold, linked and in agreement. */
async function linkedAccount(fields: Record<string, unknown> = {}) {
  const sf = await h.createAccount({
    Name: 'Alder Systems',
    Website: 'alder.example.com',
    Phone: '+14155550100',
    BillingCountry: 'United States',
    NumberOfEmployees: 50,
    ...fields,
  })
  await h.sync()
  const hs = (await h.twinOf(sf, 'hubspot'))!
  expect(hs).toBeDefined()
  return { sf, hs }
}

const open = () =>
  h.query<{ field: string; kind: string; sides: { value: unknown }[] }>(
    `select field, kind, sides from conflict where state = 'open'`,
  )

describe('a first sync', () => {
  test('two equal CRMs are linked and nothing is written', async () => {
    await h.createAccount({
      Name: 'Birch Foods',
      Website: 'birch.example.com',
      Phone: '+14155550101',
      BillingCountry: 'United States',
    })
    await h.createCompany({
      name: 'Birch Foods',
      domain: 'birch.example.com',
      phone: '(415) 555-0101',
      country: 'USA',
      hubspot_owner_id: '70000001',
    })
    // The Salesforce row belongs to the person who made it, who is that HubSpot owner.
    const { pushed, pulled } = await h.sync()
    expect(pulled.linked).toBe(1)
    expect(pushed.salesforce).toMatchObject({ created: 0, updated: 0 })
    expect(pushed.hubspot).toMatchObject({ created: 0, updated: 0 })
    expect(await h.verify()).toMatchObject({ unexplained: 0, differences: 0 })
  })

  test('what only one CRM has is created in the other, children with their parents', async () => {
    const account = await h.createAccount({ Name: 'Cedar Bank', Website: 'cedar.example.com' })
    const deal = (
      await h.sf('POST', '/sobjects/Opportunity', {
        Name: 'Cedar rollout',
        AccountId: account,
        StageName: 'Prospecting',
        CloseDate: '2027-01-15',
        Amount: 1200.5,
      })
    ).body.id
    await h.sync()
    const company = await h.twinOf(account, 'hubspot')
    const twin = await h.twinOf(deal, 'hubspot')
    expect(await h.object('deals', twin!, ['dealname', 'amount', 'dealstage', 'closedate'])).toMatchObject({
      dealname: 'Cedar rollout',
      amount: '1200.5',
      dealstage: 'appointmentscheduled',
      closedate: '2027-01-15T00:00:00.000Z',
    })
    const links = (await h.hs('GET', `/crm/v4/objects/deals/${twin}/associations/companies`)).body.results
    expect(links.map((l: { toObjectId: number }) => String(l.toObjectId))).toEqual([company])
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })

  test('two rows here that match one record there are reviewed, not guessed', async () => {
    await h.createAccount({ Name: 'Delta Media', Website: 'delta.example.com' })
    await h.createCompany({ name: 'Delta Media', domain: 'delta.example.com' })
    await h.createCompany({ name: 'Delta Media', domain: 'delta.example.com' })
    const { pulled } = await h.sync()
    expect(pulled).toMatchObject({ linked: 0, review: 2 })
    expect((await h.sf('GET', `/query?q=${encodeURIComponent('SELECT COUNT() FROM Account')}`)).body.totalSize).toBe(1)
    expect(h.sandbox.world.counts().hubspot.companies).toBe(2)
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })
})

test('a deal of a company under review is made anew in neither CRM: it waits, and is listed', async () => {
  const account = await h.createAccount({ Name: 'Gull Optics', Website: 'gull.example.com' })
  await h.sf('POST', '/sobjects/Opportunity', {
    Name: 'Gull rollout',
    AccountId: account,
    StageName: 'Prospecting',
    CloseDate: '2027-01-15',
  })
  const company = await h.createCompany({ name: 'Gull Optics', domain: 'gull.example.com' })
  await h.createCompany({ name: 'Gull Optics', domain: 'gull.example.com' })
  await h.hs('POST', '/crm/v3/objects/deals', {
    properties: { dealname: 'Gull rollout', dealstage: 'appointmentscheduled', closedate: '2027-01-15' },
    associations: [{ to: { id: company }, types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 5 }] }],
  })
  await h.sync()
  expect(h.sandbox.world.counts().salesforce.Opportunity).toBe(1)
  expect(h.sandbox.world.counts().hubspot.deals).toBe(1)
  const found = await h.verify()
  expect(found).toMatchObject({ unexplained: 0 })
  expect(found.byReason.waiting).toBeGreaterThan(0)
})

describe('an edit', () => {
  test('in Salesforce reaches HubSpot', async () => {
    const { sf, hs } = await linkedAccount()
    await h.sf('PATCH', `/sobjects/Account/${sf}`, { Phone: '+14155550199' })
    await h.sync()
    expect(await h.object('companies', hs, PROPS)).toMatchObject({ phone: '+14155550199' })
  })

  test('in HubSpot reaches Salesforce', async () => {
    const { sf, hs } = await linkedAccount()
    await h.hs('PATCH', `/crm/v3/objects/companies/${hs}`, { properties: { numberofemployees: '75' } })
    await h.sync()
    expect(await h.account(sf)).toMatchObject({ NumberOfEmployees: 75 })
  })

  test('that clears a field travels as a clear', async () => {
    const { sf, hs } = await linkedAccount()
    await h.hs('PATCH', `/crm/v3/objects/companies/${hs}`, { properties: { phone: '' } })
    await h.sync()
    expect((await h.account(sf)).Phone).toBeNull()
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })

  test('of different fields in both CRMs merges', async () => {
    const { sf, hs } = await linkedAccount()
    await h.sf('PATCH', `/sobjects/Account/${sf}`, { Phone: '+14155550111' })
    await h.hs('PATCH', `/crm/v3/objects/companies/${hs}`, { properties: { numberofemployees: '99' } })
    await h.sync()
    expect(await h.account(sf)).toMatchObject({ Phone: '+14155550111', NumberOfEmployees: 99 })
    expect(await h.object('companies', hs, PROPS)).toMatchObject({
      phone: '+14155550111',
      numberofemployees: '99',
    })
    expect(await open()).toEqual([])
  })

  test('of one field to equal values, spelt differently, settles without a write', async () => {
    const { sf, hs } = await linkedAccount()
    await h.sf('PATCH', `/sobjects/Account/${sf}`, { Phone: '+1 415 555 0177' })
    await h.hs('PATCH', `/crm/v3/objects/companies/${hs}`, {
      properties: { phone: '(415) 555-0177', country: 'US' },
    })
    const { pushed } = await h.sync()
    expect(pushed.salesforce).toMatchObject({ updated: 0 })
    expect(pushed.hubspot).toMatchObject({ updated: 0 })
    expect(await open()).toEqual([])
  })

  test('of one field to different values is one recorded conflict; nothing is overwritten and the rest flows', async () => {
    const { sf, hs } = await linkedAccount()
    await h.sf('PATCH', `/sobjects/Account/${sf}`, { Phone: '+14155550001', NumberOfEmployees: 51 })
    await h.hs('PATCH', `/crm/v3/objects/companies/${hs}`, { properties: { phone: '+14155550002' } })
    await h.sync()
    await h.sync()
    expect((await h.account(sf)).Phone).toBe('+14155550001')
    expect(await h.object('companies', hs, PROPS)).toMatchObject({
      phone: '+14155550002',
      numberofemployees: '51',
    })
    const found = await open()
    expect(found).toHaveLength(1)
    expect(found[0]).toMatchObject({ field: 'phone', kind: 'edit' })
    expect(new Set(found[0]!.sides.map((s) => s.value))).toEqual(new Set(['+14155550001', '+14155550002']))
    expect(await h.verify()).toMatchObject({ unexplained: 0, byReason: { conflict: 1 } })
  })

  test('to a finer stage of the same canonical stage is left alone', async () => {
    const account = await h.createAccount({ Name: 'Elm Retail', Website: 'elm.example.com' })
    const deal = (
      await h.sf('POST', '/sobjects/Opportunity', {
        Name: 'Elm pilot',
        AccountId: account,
        StageName: 'Qualification',
        CloseDate: '2027-02-01',
      })
    ).body.id
    await h.sync()
    const twin = (await h.twinOf(deal, 'hubspot'))!
    await h.sf('PATCH', `/sobjects/Opportunity/${deal}`, { StageName: 'Needs Analysis' })
    const { pushed } = await h.sync()
    expect(pushed.hubspot).toMatchObject({ updated: 0 })
    await h.hs('PATCH', `/crm/v3/objects/deals/${twin}`, { properties: { dealname: 'Elm pilot 2' } })
    await h.sync()
    expect((await h.sf('GET', `/sobjects/Opportunity/${deal}`)).body).toMatchObject({
      StageName: 'Needs Analysis',
      Name: 'Elm pilot 2',
    })
  })
})

describe('rows come and go', () => {
  test('a delete in one CRM deletes in the other', async () => {
    const { sf, hs } = await linkedAccount()
    await h.sf('DELETE', `/sobjects/Account/${sf}`)
    await h.sync()
    expect((await h.hs('GET', `/crm/v3/objects/companies/${hs}`)).status).toBe(404)
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })

  test('a delete in HubSpot is found by the slow scan where no webhook tells', async () => {
    const { sf, hs } = await linkedAccount()
    await h.hs('DELETE', `/crm/v3/objects/companies/${hs}`)
    await h.scan()
    expect((await h.sf('GET', `/sobjects/Account/${sf}`)).status).toBe(404)
  })

  test('an association that moves in HubSpot, and nothing else, is found by the slow scan', async () => {
    const { hs } = await linkedAccount()
    const other = await h.createAccount({ Name: 'Fox Energy', Website: 'fox.example.com' })
    const deal = (
      await h.hs('POST', '/crm/v3/objects/deals', {
        properties: { dealname: 'Moves', dealstage: 'closedwon', closedate: '2027-03-01' },
        associations: [{ to: { id: hs }, types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 5 }] }],
      })
    ).body.id
    await h.sync()
    const [twin, otherCompany] = [await h.twinOf(deal, 'salesforce'), await h.twinOf(other, 'hubspot')]
    await h.hs('PUT', `/crm/v4/objects/deals/${deal}/associations/companies/${otherCompany}`, [
      { associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 5 },
    ])
    await h.scan()
    expect((await h.sf('GET', `/sobjects/Opportunity/${twin}`)).body.AccountId).toBe(other)
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })

  test('a delete while a change waits to be written freezes the record and asks', async () => {
    const { sf, hs } = await linkedAccount()
    await h.hs('PATCH', `/crm/v3/objects/companies/${hs}`, { properties: { phone: '+14155550155' } })
    await h.sf('DELETE', `/sobjects/Account/${sf}`)
    await h.sync()
    expect((await h.hs('GET', `/crm/v3/objects/companies/${hs}`)).status).toBe(200)
    const [record] = await h.query<{ frozen: string }>(`select frozen from record where frozen is not null`)
    expect(record?.frozen).toMatch(/delete/)
  })

  test('a new deal in HubSpot with its company arrives with its account', async () => {
    const { sf, hs } = await linkedAccount()
    const deal = (
      await h.hs('POST', '/crm/v3/objects/deals', {
        properties: {
          dealname: 'New from HubSpot',
          dealstage: 'contractsent',
          pipeline: 'default',
          amount: '99.5',
          closedate: '2027-03-01T12:00:00Z',
        },
        associations: [{ to: { id: hs }, types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 5 }] }],
      })
    ).body.id
    await h.sync()
    const twin = await h.twinOf(deal, 'salesforce')
    expect((await h.sf('GET', `/sobjects/Opportunity/${twin}`)).body).toMatchObject({
      AccountId: sf,
      StageName: 'Negotiation/Review',
      Amount: 99.5,
      CloseDate: '2027-03-01',
    })
  })

  test('a row that leaves its filter is unlinked and not deleted', async () => {
    const { sf, hs } = await linkedAccount()
    await h.sf('PATCH', `/sobjects/Account/${sf}`, { Type: 'Technology Partner' })
    await h.sync()
    expect((await h.hs('GET', `/crm/v3/objects/companies/${hs}`)).status).toBe(200)
    expect((await h.account(sf)).IsDeleted).toBe(false)
    // As another entity it would be a twin: nothing is made for it, and edits do not flow.
    expect(h.sandbox.world.counts().hubspot.companies).toBe(1)
    await h.sf('PATCH', `/sobjects/Account/${sf}`, { Phone: '+14155550144' })
    await h.sync()
    expect(await h.object('companies', hs, PROPS)).toMatchObject({ phone: '+14155550100' })
    // Back inside it is merged against what was agreed before.
    await h.sf('PATCH', `/sobjects/Account/${sf}`, { Type: 'Customer - Direct' })
    await h.sync()
    expect(await h.object('companies', hs, PROPS)).toMatchObject({ phone: '+14155550144' })
    expect(h.sandbox.world.counts().salesforce.Account).toBe(1)
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })

  test('a merge in Salesforce moves the link and deletes nothing in HubSpot', async () => {
    const one = await linkedAccount()
    const loser = await h.createAccount({ Name: 'Alder Systems Inc', Website: 'alder-two.example.com' })
    await h.sync()
    const loserTwin = (await h.twinOf(loser, 'hubspot'))!
    h.sandbox.world.org.merge('Account', one.sf, {}, [loser], '0055g0000000002AAA')
    await h.sync()
    expect((await h.hs('GET', `/crm/v3/objects/companies/${loserTwin}`)).status).toBe(200)
    expect((await h.hs('GET', `/crm/v3/objects/companies/${one.hs}`)).status).toBe(200)
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })

  test('a merge in HubSpot gives a third id, which takes the links over', async () => {
    const one = await linkedAccount()
    const other = await h.createAccount({ Name: 'Alder Two', Website: 'alder-two.example.com' })
    await h.sync()
    const otherTwin = (await h.twinOf(other, 'hubspot'))!
    const merged = (
      await h.hs('POST', '/crm/v3/objects/companies/merge', {
        primaryObjectId: one.hs,
        objectIdToMerge: otherTwin,
      })
    ).body.id
    await h.sync()
    expect(await h.twinOf(one.sf, 'hubspot')).toBe(merged)
    expect((await h.account(other)).IsDeleted).toBe(false)
    expect((await h.account(one.sf)).IsDeleted).toBe(false)
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })
})

describe('what a CRM refuses', () => {
  test('one field becomes a dead letter with a clear message, the rest is written', async () => {
    const { sf, hs } = await linkedAccount()
    await h.control('/validation-rules', [
      {
        object: 'Account',
        field: 'NumberOfEmployees',
        over: 1000,
        message: 'More than 1,000 employees need approval',
      },
    ])
    await h.hs('PATCH', `/crm/v3/objects/companies/${hs}`, {
      properties: { numberofemployees: '5000', phone: '+14155550188' },
    })
    await h.sync()
    expect(await h.account(sf)).toMatchObject({ Phone: '+14155550188', NumberOfEmployees: 50 })
    const letters = await h.query<{ field: string; message: string }>('select field, message from dead_letter')
    expect(letters).toEqual([{ field: 'employees', message: expect.stringContaining('More than 1,000 employees need approval') }])
    expect(await h.verify()).toMatchObject({ unexplained: 0, byReason: { dead_letter: 1 } })
  })

  test('an owner without a user on the other side is a finding, and nothing else stops', async () => {
    const { sf, hs } = await linkedAccount()
    h.sandbox.world.portal.owners.set('99', {
      id: '99',
      email: 'only.hubspot@example.com',
      firstName: 'Only',
      lastName: 'Hubspot',
      userId: 99,
      active: true,
    })
    h.engine.runtimes[1]!.users = {
      ...h.engine.runtimes[1]!.users,
      emailOf: (id) => (id === '99' ? 'only.hubspot@example.com' : undefined),
    }
    await h.hs('PATCH', `/crm/v3/objects/companies/${hs}`, {
      properties: { hubspot_owner_id: '99', phone: '+14155550123' },
    })
    await h.sync()
    expect(await h.account(sf)).toMatchObject({ Phone: '+14155550123' })
    expect(await h.query(`select subject from finding where code = 'unmatched_user'`)).toEqual([
      { subject: 'only.hubspot@example.com' },
    ])
  })
})
