import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import * as undos from '../../store/undo.ts'
import { editRecord } from '../../sync/edit.ts'
import { resolveConflicts } from '../../sync/resolve.ts'
import { planUndo } from '../../sync/undo/plan.ts'
import { closeDatabase, Harness } from '../support/harness.ts'

/** What Concordat wrote is taken back; what people did since is kept. */

let h: Harness
beforeEach(async () => {
  h = await Harness.start()
})
afterEach(() => h.stop())
afterAll(closeDatabase)

/** The last run of a connection's push lane. */
const lastRun = async (connection: string): Promise<string> =>
  (
    await h.query<{ id: string }>(
      `select run.id from run join connection c on c.id = run.connection_id where c.name = '${connection}' and run.kind = 'push' order by run.started_at desc, run.id desc limit 1`,
    )
  )[0]!.id

/** Runs whose turns are more than two seconds apart are different ones; a test does not wait for that. */
const nextRun = () => {
  for (const rt of h.engine.runtimes) rt.runs = {}
}

const steps = (id: string) => h.tx((tx) => undos.listSteps(tx, id, { limit: 500 }))

async function carryOut(target: undos.UndoTarget) {
  nextRun()
  const id = await planUndo(h.engine, target)
  expect(await h.tx((tx) => undos.startUndo(tx, id))).toBe(true)
  await h.sync()
  await h.sync()
  const found = await h.tx((tx) => undos.findUndo(tx, id))
  expect(found!.state).toBe('finished')
  nextRun()
  return { id, steps: await steps(id) }
}

async function linkedAccount(fields: Record<string, unknown> = {}) {
  const account = await h.createAccount({ Name: 'Heron Labs', Website: 'heron.example.com', Phone: '+14155550100', ...fields })
  await h.sync()
  nextRun()
  return { account, company: (await h.twinOf(account, 'hubspot'))! }
}

const conflictsOf = () =>
  h.query<{ id: string; rev: number; field: string; kind: string; state: string }>(
    `select id, rev, field, kind, state from conflict order by field`,
  )

test('a value that was written is set back, the other CRM keeps its own, and nothing writes it again', async () => {
  const { account, company } = await linkedAccount()
  await h.sf('PATCH', `/sobjects/Account/${account}`, { Phone: '+14155550999' })
  await h.sync()
  expect((await h.object('companies', company, ['phone'])).phone).toBe('+14155550999')
  const { steps: done } = await carryOut({ run: await lastRun('hubspot') })
  expect(done).toEqual([
    expect.objectContaining({
      outcome: 'done',
      kind: 'update',
      externalId: company,
      fields: { phone: expect.objectContaining({ from: '+14155550999', to: '+14155550100' }) },
    }),
  ])
  expect((await h.object('companies', company, ['phone'])).phone).toBe('+14155550100')
  expect((await h.account(account)).Phone).toBe('+14155550999')
  expect(await conflictsOf()).toEqual([expect.objectContaining({ field: 'phone', kind: 'undone', state: 'open' })])
  await h.scan()
  expect((await h.object('companies', company, ['phone'])).phone).toBe('+14155550100')
  expect(await h.verify()).toMatchObject({ unexplained: 0, byReason: { conflict: 1 } })
})

test('a plan writes nothing and changes nothing but its own list', async () => {
  const { account, company } = await linkedAccount()
  await h.sf('PATCH', `/sobjects/Account/${account}`, { Phone: '+14155550999' })
  await h.sync()
  await h.sync()
  const before = JSON.stringify([
    await h.query('select * from link order by id'),
    await h.query('select * from write order by id'),
  ])
  const id = await planUndo(h.engine, { run: await lastRun('hubspot') })
  expect(await steps(id)).toMatchObject([{ outcome: 'planned', kind: 'update' }])
  await h.sync()
  expect((await h.object('companies', company, ['phone'])).phone).toBe('+14155550999')
  expect(
    JSON.stringify([await h.query('select * from link order by id'), await h.query('select * from write order by id')]),
  ).toBe(before)
})

test('an undo is undone: the value comes back and the conflict is settled', async () => {
  const { account, company } = await linkedAccount()
  await h.sf('PATCH', `/sobjects/Account/${account}`, { Phone: '+14155550999' })
  await h.sync()
  const { id } = await carryOut({ run: await lastRun('hubspot') })
  const { steps: again } = await carryOut({ run: id })
  expect(again).toMatchObject([{ outcome: 'done', fields: { phone: { from: '+14155550100', to: '+14155550999' } } }])
  expect((await h.object('companies', company, ['phone'])).phone).toBe('+14155550999')
  await h.scan()
  expect(await conflictsOf()).toMatchObject([{ kind: 'undone', state: 'settled' }])
  expect(await h.verify()).toMatchObject({ differences: 0 })
})

test.each(['before', 'after'] as const)(
  'an undo is undone, and what a person typed over what it had set back stays: typed %s the plan',
  async (when) => {
    const { account, company } = await linkedAccount()
    await h.sf('PATCH', `/sobjects/Account/${account}`, { Phone: '+14155550999' })
    await h.sync()
    const { id } = await carryOut({ run: await lastRun('hubspot') })
    const type = () => h.hs('PATCH', `/crm/v3/objects/companies/${company}`, { properties: { phone: '+14155550777' } })
    if (when === 'before') {
      await type()
      await h.sync()
    }
    const again = await planUndo(h.engine, { run: id })
    if (when === 'after') await type()
    expect(await steps(again)).toMatchObject([{ outcome: when === 'before' ? 'kept' : 'planned' }])
    await h.tx((tx) => undos.startUndo(tx, again))
    await h.sync()
    await h.sync()
    expect(await steps(again)).toMatchObject([{ outcome: 'kept', kept: { phone: expect.stringContaining('changed since') } }])
    expect((await h.object('companies', company, ['phone'])).phone).toBe('+14155550777')
    const [conflict] = await h.query<{ state: string; sides: unknown }>(`select state, sides from conflict where field = 'phone'`)
    expect(conflict!.state).toBe('open')
    expect(JSON.stringify(conflict!.sides)).toContain('+14155550777')
  },
)

test('what a person changed since is not overwritten, in either CRM, before or after the plan', async () => {
  const [a, b, c] = [
    await linkedAccount(),
    await linkedAccount({ Name: 'Ibis Freight', Website: 'ibis.example.com' }),
    await linkedAccount({ Name: 'Jay Tools', Website: 'jay.example.com' }),
  ]
  for (const { account } of [a, b, c])
    await h.sf('PATCH', `/sobjects/Account/${account}`, { Phone: '+14155550999', NumberOfEmployees: 77 })
  await h.sync()
  const run = await lastRun('hubspot')
  nextRun()
  // One is changed before the plan is made, one between the plan and its execution.
  await h.hs('PATCH', `/crm/v3/objects/companies/${a.company}`, { properties: { phone: '+14155550111' } })
  await h.sync()
  const id = await planUndo(h.engine, { run })
  expect((await steps(id)).find((s) => s.externalId === a.company)).toMatchObject({
    kept: { phone: 'changed since, in hubspot' },
  })
  await h.hs('PATCH', `/crm/v3/objects/companies/${b.company}`, { properties: { phone: '+14155550222' } })
  await h.tx((tx) => undos.startUndo(tx, id))
  await h.sync()
  expect(await h.object('companies', a.company, ['phone', 'numberofemployees'])).toMatchObject({
    phone: '+14155550111',
    numberofemployees: null,
  })
  expect(await h.object('companies', b.company, ['phone', 'numberofemployees'])).toMatchObject({
    phone: '+14155550222',
    numberofemployees: null,
  })
  expect(await h.object('companies', c.company, ['phone', 'numberofemployees'])).toMatchObject({
    phone: '+14155550100',
    numberofemployees: null,
  })
  expect((await steps(id)).find((s) => s.externalId === b.company)).toMatchObject({
    outcome: 'done',
    kept: { phone: 'changed since' },
  })
  expect((await h.account(a.account)).Phone).toBe('+14155550111')
})

test('a row that was made is removed, is not made again, and takes nothing with it; undone, it comes back', async () => {
  const { account, company } = await linkedAccount()
  const run = await lastRun('hubspot')
  const { id, steps: done } = await carryOut({ run })
  expect(done).toMatchObject([{ kind: 'remove', outcome: 'done', externalId: company }])
  expect((await h.hs('GET', `/crm/v3/objects/companies/${company}`)).status).toBe(404)
  await h.scan()
  await h.sf('PATCH', `/sobjects/Account/${account}`, { Phone: '+14155550777' })
  await h.sync()
  expect(h.sandbox.world.counts().hubspot).toMatchObject({ companies: 0 })
  expect((await h.account(account)).IsDeleted).toBe(false)
  expect(await h.verify()).toMatchObject({ unexplained: 0, byReason: { undone: 1 } })
  const { steps: again } = await carryOut({ run: id })
  expect(again).toMatchObject([{ kind: 'restore', outcome: 'done', externalId: company }])
  const fresh = (await h.twinOf(account, 'hubspot'))!
  expect(again[0]!.newExternalId).toBe(fresh)
  expect(await h.object('companies', fresh, ['name', 'phone'])).toMatchObject({ name: 'Heron Labs', phone: '+14155550777' })
  expect(await h.verify()).toMatchObject({ differences: 0 })
})

test('in Salesforce a row that was made is removed, and comes back under its own id', async () => {
  const company = await h.createCompany({ name: 'Kite Works', domain: 'kite.example.com' })
  await h.sync()
  const account = (await h.twinOf(company, 'salesforce'))!
  const { id } = await carryOut({ run: await lastRun('salesforce') })
  expect((await h.account(account)).IsDeleted).not.toBe(false)
  expect((await h.hs('GET', `/crm/v3/objects/companies/${company}`)).status).toBe(200)
  const { steps: again } = await carryOut({ run: id })
  expect(again).toMatchObject([{ kind: 'restore', outcome: 'done', externalId: account, newExternalId: null }])
  expect((await h.account(account)).Name).toBe('Kite Works')
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
})

test('rows that were made with rows below them go children first; one that a person put a row below stays', async () => {
  const made = async (name: string) => {
    const account = await h.createAccount({ Name: name, Website: `${name.toLowerCase()}.example.com` })
    await h.sf('POST', '/sobjects/Contact', { LastName: name, Email: `${name.toLowerCase()}@example.com`, AccountId: account })
    return account
  }
  const [one, two] = [await made('Lark'), await made('Moa')]
  await h.sync()
  const run = await lastRun('hubspot')
  nextRun()
  const company = (await h.twinOf(two, 'hubspot'))!
  await h.hs('POST', '/crm/v3/objects/contacts', {
    properties: { lastname: 'Later', email: 'later@example.com' },
    associations: [{ to: { id: company }, types: [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 1 }] }],
  })
  await h.sync()
  const { steps: done } = await carryOut({ run })
  expect(done.map((s) => [s.entity, s.outcome, s.kept['(row)'] ?? null]).sort()).toEqual([
    ['account', 'done', null],
    ['account', 'kept', '1 contact of it stand there'],
    ['contact', 'done', null],
    ['contact', 'done', null],
  ])
  expect(await h.twinOf(one, 'hubspot')).toBeUndefined()
  expect(h.sandbox.world.counts().hubspot).toMatchObject({ companies: 1, contacts: 1 })
  expect(h.sandbox.world.counts().salesforce).toMatchObject({ Account: 2, Contact: 3 })
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
})

test('a row that was deleted is restored in Salesforce, and a person says whether it is kept everywhere', async () => {
  const { account, company } = await linkedAccount()
  await h.hs('DELETE', `/crm/v3/objects/companies/${company}`)
  await h.scan()
  expect((await h.account(account)).IsDeleted).not.toBe(false)
  const { steps: done } = await carryOut({ run: await lastRun('salesforce') })
  expect(done).toMatchObject([{ kind: 'restore', outcome: 'done', externalId: account }])
  expect(await h.account(account)).toMatchObject({ Name: 'Heron Labs', Phone: '+14155550100' })
  expect(await h.query('select frozen_as from record')).toEqual([{ frozen_as: 'restored' }])
  await h.scan()
  expect((await h.account(account)).Name).toBe('Heron Labs')
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
})

test('a restore that got no answer and did not take effect is tried again', async () => {
  const { account, company } = await linkedAccount()
  await h.hs('DELETE', `/crm/v3/objects/companies/${company}`)
  await h.scan()
  const run = await lastRun('salesforce')
  nextRun()
  const id = await planUndo(h.engine, { run })
  await h.tx((tx) => undos.startUndo(tx, id))
  await h.control('/faults', { faults: [{ crm: 'salesforce', method: 'POST', path: '/Soap/', times: 1, action: 'drop_before' }] })
  await expect(h.sync()).rejects.toThrow()
  expect(await h.query(`select state from open_write`)).toEqual([{ state: 'sent' }])
  // Until nothing can be on its way any more; and then a step waits a little before it is tried again.
  await h.query(`update open_write set sent_at = sent_at - interval '1 hour' returning 1`)
  await h.sync()
  await h.query(`update undo_step set not_before = '-infinity' returning 1`)
  await h.sync()
  expect(await h.query(`select state from open_write`)).toEqual([])
  expect(await h.account(account)).toMatchObject({ Name: 'Heron Labs' })
})

test('a row that was deleted in HubSpot is made anew with all it held, and both ids are listed', async () => {
  const { account, company } = await linkedAccount({
    Industry: 'Banking',
    NumberOfEmployees: 12,
    BillingCity: 'Bergen',
    BillingCountry: 'Norway',
  })
  const before = await h.object('companies', company, [
    'name',
    'domain',
    'phone',
    'industry',
    'numberofemployees',
    'city',
    'country',
  ])
  await h.sf('DELETE', `/sobjects/Account/${account}`)
  await h.sync()
  expect((await h.hs('GET', `/crm/v3/objects/companies/${company}`)).status).toBe(404)
  const { steps: done } = await carryOut({ run: await lastRun('hubspot') })
  expect(done).toMatchObject([{ kind: 'restore', outcome: 'done', externalId: company }])
  const fresh = done[0]!.newExternalId!
  expect(fresh).not.toBe(company)
  const {
    hs_object_id: _a,
    createdate: _b,
    hs_lastmodifieddate: _c,
    ...held
  } = await h.object('companies', fresh, Object.keys(before))
  expect(held).toMatchObject(Object.fromEntries(Object.entries(before).filter(([k]) => !/^hs_|date$/.test(k))))
  expect(await h.query('select frozen_as from record')).toEqual([{ frozen_as: 'restored' }])
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
})

test('associations are set back to what they pointed at', async () => {
  const [a, b] = [await linkedAccount(), await linkedAccount({ Name: 'Ibis Freight', Website: 'ibis.example.com' })]
  const contact = (await h.sf('POST', '/sobjects/Contact', { LastName: 'Moor', Email: 'moor@example.com', AccountId: a.account }))
    .body.id
  await h.sync()
  nextRun()
  const person = (await h.twinOf(contact, 'hubspot'))!
  const companiesOf = async () =>
    (await h.hs('GET', `/crm/v4/objects/contacts/${person}/associations/companies`)).body.results.map(
      (r: { toObjectId: number }) => String(r.toObjectId),
    )
  await h.sf('PATCH', `/sobjects/Contact/${contact}`, { AccountId: b.account })
  await h.sync()
  expect(await companiesOf()).toContain(b.company)
  await carryOut({ run: await lastRun('hubspot') })
  expect(await companiesOf()).toContain(a.company)
  expect((await h.sf('GET', `/sobjects/Contact/${contact}`)).body.AccountId).toBe(b.account)
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
})

test('a span of time takes back what was written in both CRMs, and then they agree', async () => {
  const { account, company } = await linkedAccount()
  const from = new Date(Date.now() - 1).toISOString()
  const [record] = await h.query<{ id: string; version: number }>('select id, version from record')
  await h.tx((tx) => editRecord(tx, record!.id, record!.version, { phone: '+14155550333' }))
  await h.sync()
  expect((await h.account(account)).Phone).toBe('+14155550333')
  expect((await h.object('companies', company, ['phone'])).phone).toBe('+14155550333')
  await carryOut({ from })
  await h.scan()
  expect((await h.account(account)).Phone).toBe('+14155550100')
  expect((await h.object('companies', company, ['phone'])).phone).toBe('+14155550100')
  expect(await h.verify()).toMatchObject({ differences: 0 })
})

test('a conflict that an undo left is settled like any other', async () => {
  const { account, company } = await linkedAccount()
  await h.sf('PATCH', `/sobjects/Account/${account}`, { Phone: '+14155550999' })
  await h.sync()
  await carryOut({ run: await lastRun('hubspot') })
  const [conflict] = await conflictsOf()
  const [answer] = await resolveConflicts(h.engine, [{ id: conflict!.id, rev: conflict!.rev, choice: { keep: 'hubspot' } }])
  expect(answer).toMatchObject({ ok: true, value: '+14155550100' })
  await h.sync()
  expect((await h.account(account)).Phone).toBe('+14155550100')
  expect((await h.object('companies', company, ['phone'])).phone).toBe('+14155550100')
  expect(await h.verify()).toMatchObject({ differences: 0 })
})

test('a refused step says why, an unanswered one is looked up, and neither stops the others', async () => {
  const [a, b] = [await linkedAccount(), await linkedAccount({ Name: 'Ibis Freight', Website: 'ibis.example.com' })]
  const company = a.company
  await h.hs('PATCH', `/crm/v3/objects/companies/${company}`, { properties: { phone: '+14155550999' } })
  await h.hs('PATCH', `/crm/v3/objects/companies/${b.company}`, { properties: { phone: '+14155550999' } })
  await h.sync()
  const run = await lastRun('salesforce')
  await h.control('/validation-rules', [
    { object: 'Account', field: 'Phone', equals: '+14155550100', message: 'not that number' },
  ])
  const first = await carryOut({ run })
  expect(first.steps.map((s) => [s.outcome, s.reason?.includes('not that number') ?? false])).toEqual([
    ['refused', true],
    ['refused', true],
  ])
  await h.scan()
  expect(await h.verify()).toMatchObject({ differences: 0 })
  await h.control('/validation-rules', [])
  await h.control('/faults', {
    faults: [{ crm: 'salesforce', method: 'PATCH', path: '/composite/sobjects', times: 1, action: 'drop_after' }],
  })
  nextRun()
  const id = await planUndo(h.engine, { run })
  await h.tx((tx) => undos.startUndo(tx, id))
  await expect(h.sync()).rejects.toThrow()
  await h.sync()
  await h.sync()
  expect((await steps(id)).map((s) => s.outcome)).toEqual(['done', 'done'])
  for (const { account } of [a, b]) expect((await h.account(account)).Phone).toBe('+14155550100')
})

test('unknown runs and records, and writes that are still under way, are refused', async () => {
  const nobody = '0197a1c2-5d1e-7f30-8a61-1f6f2f1f7c55'
  await expect(planUndo(h.engine, { run: nobody })).rejects.toThrow(`there is no run ${nobody}`)
  await expect(planUndo(h.engine, { record: nobody })).rejects.toThrow(`there is no record ${nobody}`)
  await linkedAccount()
  const run = await lastRun('hubspot')
  await h.query(`update run set state = 'running' where id = '${run}' returning 1`)
  await expect(planUndo(h.engine, { run })).rejects.toThrow('is still going')
})
