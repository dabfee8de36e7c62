import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { checkDuplicates } from '../../sync/duplicates/check.ts'
import { inTransaction } from '../../sync/engine.ts'
import { decideFrozen } from '../../sync/frozen.ts'
import { closeDatabase, Harness } from '../support/harness.ts'

/** Rows that change what they are, come back, or turn out to be one. */

let h: Harness
beforeEach(async () => {
  h = await Harness.start()
})
afterEach(() => h.stop())
afterAll(closeDatabase)

const linksOf = (externalId: string) =>
  h.query<{ entity: string; state: string; recordId: string }>(
    `select entity, state, record_id as "recordId" from link where external_id = '${externalId}' order by entity`,
  )
const openMatches = () =>
  h.query<{ entity: string; reason: string; external: string }>(
    `select entity, reason, external_id as external from match where state in ('open', 'possible') order by reason`,
  )
const companies = async () => (await h.hs('GET', '/crm/v3/objects/companies?limit=100')).body.results as { id: string }[]
const decide = (id: string, decision: 'delete' | 'keep') =>
  inTransaction(h.engine, (tx) => decideFrozen(tx, h.engine, id, decision))

test('an account that becomes a partner in both CRMs is one partner, linked on both sides; back again it is the account it was', async () => {
  const account = await h.createAccount({ Name: 'Osprey Partners', Website: 'osprey.example.com', Phone: '+14155550123' })
  const contact = (
    await h.sf('POST', '/sobjects/Contact', { LastName: 'Reed', Email: 'reed@osprey.example.com', AccountId: account })
  ).body.id
  await h.sync()
  const company = (await h.twinOf(account, 'hubspot'))!
  const [was] = await linksOf(account)
  const employer = async () =>
    (
      await h.query<{ id: string }>(
        `select fields #>> '{account,v}' as id from record where id = (select record_id from link where external_id = '${contact}')`,
      )
    )[0]!.id
  await h.sf('PATCH', `/sobjects/Account/${account}`, { Type: 'Technology Partner' })
  await h.sync()
  // One side only: nothing is made twice, a person is told.
  expect(await companies()).toHaveLength(1)
  expect(await openMatches()).toEqual([
    expect.objectContaining({
      entity: 'partner',
      external: company,
      reason: expect.stringContaining('still an account in hubspot'),
    }),
  ])
  await h.hs('PATCH', `/crm/v3/objects/companies/${company}`, { properties: { type: 'PARTNER' } })
  await h.sync()
  const [asAccount, asPartner] = await linksOf(account)
  expect([asAccount, asPartner]).toMatchObject([
    { entity: 'account', state: 'outside' },
    { entity: 'partner', state: 'live' },
  ])
  expect((await linksOf(company)).map((l) => [l.entity, l.state, l.recordId])).toEqual([
    ['account', 'outside', asAccount!.recordId],
    ['partner', 'live', asPartner!.recordId],
  ])
  expect(await openMatches()).toEqual([])
  // What pointed at the account points at the partner.
  expect(await employer()).toBe(asPartner!.recordId)
  await h.sf('PATCH', `/sobjects/Account/${account}`, { Phone: '+14155550199' })
  await h.sync()
  expect(await h.object('companies', company, ['phone'])).toMatchObject({ phone: '+14155550199' })
  expect(await h.verify()).toMatchObject({ unexplained: 0 })

  await h.sf('PATCH', `/sobjects/Account/${account}`, { Type: 'Customer - Direct' })
  await h.hs('PATCH', `/crm/v3/objects/companies/${company}`, { properties: { type: 'PROSPECT' } })
  await h.sync()
  expect((await linksOf(account)).map((l) => [l.entity, l.state])).toEqual([
    ['account', 'live'],
    ['partner', 'outside'],
  ])
  expect((await linksOf(account))[0]!.recordId).toBe(was!.recordId)
  await h.sync()
  expect(await employer()).toBe(was!.recordId)
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
  expect(await companies()).toHaveLength(1)
})

test('a row that left its filter and is deleted deletes nothing', async () => {
  const account = await h.createAccount({ Name: 'Kite Works', Website: 'kite.example.com' })
  await h.sync()
  const company = (await h.twinOf(account, 'hubspot'))!
  await h.sf('PATCH', `/sobjects/Account/${account}`, { Type: 'Technology Partner' })
  await h.sync()
  await h.sf('DELETE', `/sobjects/Account/${account}`)
  await h.sync()
  expect((await h.hs('GET', `/crm/v3/objects/companies/${company}`)).status).toBe(200)
})

test('a row undeleted after its record was deleted waits for a person; kept, it is everywhere again', async () => {
  const contact = (
    await h.sf('POST', '/sobjects/Contact', { LastName: 'Merlin', Email: 'merlin@example.com', Phone: '+14155550111' })
  ).body.id
  await h.sync()
  const person = (await h.twinOf(contact, 'hubspot'))!
  await h.sf('DELETE', `/sobjects/Contact/${contact}`)
  await h.sync()
  expect((await h.hs('GET', `/crm/v3/objects/contacts/${person}`)).status).toBe(404)
  await h.undelete(contact)
  await h.scan()
  const frozen = await h.query<{ id: string; as: string }>('select id, frozen_as as "as" from record where frozen is not null')
  expect(frozen).toEqual([expect.objectContaining({ as: 'restored' })])
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
  await decide(frozen[0]!.id, 'keep')
  await h.sync()
  const again = (await h.twinOf(contact, 'hubspot'))!
  expect(await h.object('contacts', again, ['email', 'phone'])).toMatchObject({
    email: 'merlin@example.com',
    phone: '+14155550111',
  })
  expect(await h.verify()).toMatchObject({ unexplained: 0, differences: 0 })
})

test('a company deleted above its children and kept gets a new row, and its children hang below it again', async () => {
  const account = await h.createAccount({ Name: 'Harrier Group', Website: 'harrier.example.com' })
  const contact = (
    await h.sf('POST', '/sobjects/Contact', { LastName: 'Vane', Email: 'vane@harrier.example.com', AccountId: account })
  ).body.id
  const deal = (
    await h.sf('POST', '/sobjects/Opportunity', {
      Name: 'Harrier one',
      AccountId: account,
      StageName: 'Prospecting',
      CloseDate: '2027-02-01',
    })
  ).body.id
  await h.sync()
  const [company, person, hsDeal] = [
    await h.twinOf(account, 'hubspot'),
    await h.twinOf(contact, 'hubspot'),
    await h.twinOf(deal, 'hubspot'),
  ]
  await h.hs('DELETE', `/crm/v3/objects/companies/${company}`)
  await h.scan()
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
  const [frozen] = await h.query<{ id: string }>('select id from record where frozen is not null')
  await decide(frozen!.id, 'keep')
  await h.sync()
  // Nobody touched the children; then a person does.
  const made = (await h.twinOf(account, 'hubspot'))!
  expect(made).not.toBe(company)
  expect(await h.verify()).toMatchObject({ unexplained: 0, differences: 0 })
  await h.hs('PATCH', `/crm/v3/objects/contacts/${person}`, { properties: { jobtitle: 'Head of it' } })
  await h.hs('PATCH', `/crm/v3/objects/deals/${hsDeal}`, { properties: { hs_next_step: 'call' } })
  await h.scan()
  expect((await h.sf('GET', `/sobjects/Contact/${contact}`)).body).toMatchObject({ AccountId: account, Title: 'Head of it' })
  expect((await h.sf('GET', `/sobjects/Opportunity/${deal}`)).body).toMatchObject({ AccountId: account, NextStep: 'call' })
})

test('what pointed at a record that was merged away points at the survivor', async () => {
  const [a, b] = [
    await h.createAccount({ Name: 'Rook One', Website: 'rook-one.example.com' }),
    await h.createAccount({ Name: 'Rook Two', Website: 'rook-two.example.com' }),
  ]
  const contact = (
    await h.sf('POST', '/sobjects/Contact', { LastName: 'Pike', Email: 'pike@rook-two.example.com', AccountId: b })
  ).body.id
  await h.sync()
  const [ca, cb] = [(await h.twinOf(a, 'hubspot'))!, (await h.twinOf(b, 'hubspot'))!]
  await h.hs('POST', '/crm/v3/objects/companies/merge', { primaryObjectId: ca, objectIdToMerge: cb })
  await h.scan()
  await h.scan()
  const [survivor] = await linksOf(a)
  const [{ account }] = (await h.query<{ account: string }>(
    `select fields -> 'account' ->> 'v' as account from record where entity = 'contact'`,
  )) as [{ account: string }]
  expect(account).toBe(survivor!.recordId)
  expect((await h.sf('GET', `/sobjects/Contact/${contact}`)).body.AccountId).toBe(a)
  expect((await h.account(b)).IsDeleted).toBe(false)
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
})

test('records that share a domain are listed once, with what they share', async () => {
  await h.createAccount({ Name: 'Swift One', Website: 'swift.example.com' })
  await h.sync()
  await h.createAccount({ Name: 'Swift Two', Website: 'https://www.swift.example.com/' })
  await h.sync()
  expect(await openMatches()).toHaveLength(1)
  expect(await checkDuplicates(h.engine)).toMatchObject({ listed: 0 })
})

test('more references cleared at once than one turn reads are all seen, and stop at the brake', async () => {
  const account = await h.createAccount({ Name: 'Crane', Website: 'crane.example.com' })
  const ids: string[] = []
  for (let i = 0; i < 620; i += 200) {
    const records = Array.from({ length: Math.min(200, 620 - i) }, (_, j) => ({
      attributes: { type: 'Contact' },
      LastName: `N${i + j}`,
      Email: `n${i + j}@crane.example.com`,
      AccountId: account,
    }))
    const made = (await h.sf('POST', '/composite/sobjects', { allOrNone: false, records })).body as { id: string }[]
    ids.push(...made.map((m) => m.id))
  }
  await h.sync(60_000)
  for (let i = 0; i < ids.length; i += 200)
    await h.sf('PATCH', '/composite/sobjects', {
      allOrNone: false,
      records: ids.slice(i, i + 200).map((id) => ({ attributes: { type: 'Contact' }, id, AccountId: null })),
    })
  await h.sync(60_000)
  const [{ n }] = (await h.query<{ n: number }>(
    `select count(*) as n from record where entity = 'contact' and fields -> 'account' ->> 'v' is not null`,
  )) as [{ n: number }]
  expect(n).toBe(0)
  // So many clears wait for a person's word before they are written.
  expect(await h.verify()).toMatchObject({ unexplained: 0, byReason: { brake: 620 } })
})

test("what HubSpot's own Salesforce integration has linked is linked, whatever the names say, and it is warned of", async () => {
  const account = await h.createAccount({ Name: 'Albatross Shipping', Website: 'albatross.example.com' })
  // By domain and name this company would be somebody else.
  const company = await h.createCompany({ name: 'ABT Logistics', domain: 'abt.example.com', salesforceaccountid: account })
  await h.sync()
  expect(await h.twinOf(account, 'hubspot')).toBe(company)
  expect(await h.query(`select code from finding where code = 'other_sync'`)).toHaveLength(1)
})

test('a contact that was deleted and is kept is primary contact of its deals again', async () => {
  const account = await h.createAccount({ Name: 'Plover Labs', Website: 'plover.example.com' })
  const contact = (
    await h.sf('POST', '/sobjects/Contact', { LastName: 'Voss', Email: 'voss@plover.example.com', AccountId: account })
  ).body.id
  const deal = (
    await h.sf('POST', '/sobjects/Opportunity', {
      Name: 'Plover pilot',
      AccountId: account,
      StageName: 'Prospecting',
      CloseDate: '2027-05-01',
    })
  ).body.id
  await h.sf('POST', '/sobjects/OpportunityContactRole', { OpportunityId: deal, ContactId: contact, IsPrimary: true })
  await h.sync()
  const twin = (await h.twinOf(deal, 'hubspot'))!
  const contacts = async () =>
    (await h.hs('GET', `/crm/v4/objects/deals/${twin}/associations/contacts`)).body.results.map((r: { toObjectId: number }) =>
      String(r.toObjectId),
    )
  expect(await contacts()).toHaveLength(1)
  await h.sf('DELETE', `/sobjects/Contact/${contact}`)
  await h.sync()
  expect(await contacts()).toEqual([])
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
  await h.undelete(contact)
  await h.scan()
  const [record] = await h.query<{ id: string }>(`select record_id as id from link where external_id = '${contact}'`)
  await h.tx((tx) => decideFrozen(tx, h.engine, record!.id, 'keep'))
  await h.sync()
  await h.scan()
  expect(await contacts()).toEqual([await h.twinOf(contact, 'hubspot')])
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
})

test('of two rows of one record the second takes the place of the first when that one goes', async () => {
  const [one, two] = [
    await h.createAccount({ Name: 'Quail Ltd', Website: 'quail.example.com' }),
    await h.createAccount({ Name: 'Quail Inc', Website: 'quail.test' }),
  ]
  await h.sync()
  const [a, b] = [(await h.twinOf(one, 'hubspot'))!, (await h.twinOf(two, 'hubspot'))!]
  // Merged in HubSpot the two records are one, with two rows in Salesforce.
  const { id } = (await h.hs('POST', '/crm/v3/objects/companies/merge', { primaryObjectId: a, objectIdToMerge: b })).body
  await h.scan()
  const states = async () =>
    (
      await h.query<{ id: string; state: string }>(
        `select external_id as id, state from link where external_id in ('${one}', '${two}')`,
      )
    ).map((l) => [l.id, l.state])
  const live = (await states()).find(([, state]) => state === 'live')![0]!
  const spare = live === one ? two : one
  expect(Object.fromEntries(await states())).toMatchObject({ [live]: 'live', [spare]: 'duplicate' })
  await h.sf('DELETE', `/sobjects/Account/${live}`)
  await h.sync()
  expect(Object.fromEntries(await states())).toMatchObject({ [live]: 'dead', [spare]: 'live' })
  expect((await h.hs('GET', `/crm/v3/objects/companies/${id}`)).status).toBe(200)
  await h.hs('PATCH', `/crm/v3/objects/companies/${id}`, { properties: { phone: '+4930777' } })
  await h.sync()
  expect((await h.account(spare)).Phone).toBe('+4930777')
})

test('a converted lead points at its account, contact and deal, is listed with each of them, and makes no twin of what was there', async () => {
  const company = await h.createCompany({ name: 'Alder Works', domain: 'alder.example.com' })
  const contact = (
    await h.hs('POST', '/crm/v3/objects/contacts', {
      properties: { email: 'ann@alder.example.com', lastname: 'Ash' },
      associations: [{ to: { id: company }, types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 1 }] }],
    })
  ).body.id
  await h.sync()
  const { body: lead } = await h.sf('POST', '/sobjects/Lead', {
    Company: 'Alder Works',
    LastName: 'Ash',
    Email: 'ann@alder.example.com',
    Website: 'alder.example.com',
  })
  await h.sync()
  const [account, person] = [await h.twinOf(company, 'salesforce'), await h.twinOf(contact, 'salesforce')]
  await h.soap(
    'convertLead',
    `<leadConverts><leadId>${lead.id}</leadId><accountId>${account}</accountId><contactId>${person}</contactId><convertedStatus>Closed - Converted</convertedStatus></leadConverts>`,
  )
  await h.sync()
  await h.sync()
  expect(
    await h.query(
      `select record.entity, link.state from link join record on record.id = link.record_id where link.external_id = '${lead.id}' order by 1`,
    ),
  ).toEqual([
    { entity: 'account', state: 'converted' },
    { entity: 'contact', state: 'converted' },
    { entity: 'deal', state: 'converted' },
    { entity: 'lead', state: 'live' },
  ])
  expect(
    await h.query(
      `select count(*)::int as n from record l join record t on t.id::text in (l.fields #>> '{convertedAccount,v}', l.fields #>> '{convertedContact,v}', l.fields #>> '{convertedDeal,v}') where l.entity = 'lead'`,
    ),
  ).toEqual([{ n: 3 }])
  expect(h.sandbox.world.counts()).toMatchObject({
    salesforce: { Account: 1, Contact: 1, Opportunity: 1 },
    hubspot: { companies: 1, contacts: 1, deals: 1 },
  })
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
  // Edits of the lead reach nobody's account, and a merge of the account takes the lead's row along.
  await h.sf('PATCH', `/sobjects/Account/${account}`, { Phone: '+4930111' })
  await h.sync()
  expect((await h.object('companies', company, ['phone'])).phone).toBe('+4930111')
})
