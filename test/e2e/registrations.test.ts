import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as registrations from '../../store/registrations.ts'
import { checkDuplicates } from '../../sync/duplicates/check.ts'
import { createRecord, deleteRecord, editRecord } from '../../sync/edit.ts'
import { checkDue } from '../../sync/registrations/check.ts'
import { runClock } from '../../sync/registrations/clock.ts'
import { decide, extend } from '../../sync/registrations/decide.ts'
import { submit } from '../../sync/registrations/submit.ts'
import { closeDatabase, Harness } from '../support/harness.ts'

/** Deal registrations: who is first, what stands beside it, what the rules say, and what becomes of it. */

let h: Harness
let partners: string[]
beforeEach(async () => {
  h = await Harness.start()
  partners = await Promise.all(['Blue Peak', 'Quarry & Sons', 'Tern Systems'].map((name) => partner(name)))
})
afterEach(() => h.stop())
afterAll(closeDatabase)

const partner = (name: string, tier = 'silver') =>
  h.tx((tx) => createRecord(tx, h.engine, 'partner', { name, tier, manager: 'pia.manager@vendor.example' }))

const HERON = { accountName: 'Heron Robotics', accountDomain: 'heronrobotics.com', product: 'Suite 2', dealName: 'Heron suite' }
const register = (by: number, values: Record<string, string> = {}) =>
  submit(h.engine, { partner: partners[by]!, submittedBy: `sal@partner${by}.example`, ...HERON, ...values })

const reg = async (id: string) => (await h.tx((tx) => registrations.readRegistrations(tx, [id])))[0]!
const recordFields = async (id: string) => {
  const [row] = await h.query<{ fields: Record<string, { v: unknown }> }>(`select fields from record where id = '${id}'`)
  return Object.fromEntries(Object.entries(row!.fields).map(([k, f]) => [k, f.v]))
}
const publish = (text: string) => h.tx((tx) => registrations.putRules(tx, text, 'admin'))
const look = async () => {
  while ((await checkDuplicates(h.engine)).looked > 0);
  while ((await checkDue(h.engine)).checked > 0);
}
const manager = { role: 'manager', by: 'pia', why: 'as agreed' } as const

describe('first come, first served', () => {
  test('the first holds the place, however the second spells it; the second learns that, and nothing else', async () => {
    const first = await register(0)
    const others = [
      await register(1, { accountName: 'HERON ROBOTICS, Inc.', accountDomain: 'www.heronrobotics.com', product: 'suite2' }),
      await register(2, { accountName: 'Heron Robotics GmbH', accountDomain: '', product: '' }),
      await register(1, { accountName: 'Heron Robotcs', accountDomain: '', product: 'Siute 2' }),
    ]
    expect(await reg(first)).toMatchObject({ state: 'under_review', standing: 'first' })
    for (const id of others) {
      expect(await reg(id), id).toMatchObject({ state: 'under_review', standing: 'second', behind: first })
      const told = JSON.stringify(await recordFields(id))
      expect(told).toContain('came first')
      for (const secret of ['Blue Peak', 'Heron suite (', first, partners[0]!]) expect(told).not.toContain(secret)
    }
  })

  test('another product of the account is another registration', async () => {
    await register(0)
    expect(await reg(await register(1, { product: 'Suite 3' }))).toMatchObject({ standing: 'first' })
    expect(await reg(await register(2, { product: 'Widgets' }))).toMatchObject({ standing: 'first' })
  })

  test('the same partner again is rejected, and told of his own', async () => {
    await register(0)
    const again = await register(0)
    expect(await reg(again)).toMatchObject({ state: 'rejected', standing: 'second' })
    expect(await recordFields(again)).toMatchObject({ reason: 'You have registered this account and product already.' })
  })

  test('when the first goes the next in line moves up, in the order in which they came', async () => {
    const [first, second, third] = [await register(0), await register(1), await register(2)]
    await decide(h.engine, first, { to: 'withdrawn', role: 'partner', by: 'sal', why: 'lost interest' })
    await look()
    expect(await reg(second)).toMatchObject({ standing: 'first', behind: null })
    expect(await reg(third)).toMatchObject({ standing: 'second', behind: second })
  })

  test('many at the same moment: one is first, on one clock or none', async () => {
    const spelt = ['Heron Robotics', 'HERON ROBOTICS INC', 'Heron  Robotics, Inc.', 'heron robotics', 'Heron Robotic']
    const ids = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        register(i % 3, { accountName: spelt[i % 5]!, ...(i % 4 === 0 && { accountDomain: '' }) }),
      ),
    )
    const found = await Promise.all(ids.map(reg))
    expect(found.filter((r) => r.standing === 'first')).toHaveLength(1)
    const order = found.toSorted((a, b) => a.seq! - b.seq!)
    expect(order[0]!.standing).toBe('first')
  })

  test('a record of a CRM is a registration like any other', async () => {
    const first = await register(0)
    const made = await h.sf('POST', '/sobjects/Concordat_Registration__c', {
      Name: 'Heron again',
      Account_Name__c: 'Heron Robotics Inc.',
      Product__c: 'Suite 2',
      Status__c: 'Submitted',
    })
    await h.sync()
    await look()
    const [link] = await h.query<{ id: string }>(`select record_id as id from link where external_id = '${made.body.id}'`)
    expect(await reg(link!.id)).toMatchObject({ standing: 'second', behind: first, state: 'under_review' })
    await h.sync()
    expect((await h.sf('GET', `/sobjects/Concordat_Registration__c/${made.body.id}`)).body).toMatchObject({
      Status__c: 'Under review',
      Reason__c: expect.stringContaining('came first'),
    })
  })
})

describe('what stands beside it', () => {
  const account = (fields = {}) => h.createAccount({ Name: 'Heron Robotics', Website: 'heronrobotics.com', ...fields })
  const deal = (accountId: string, fields = {}) =>
    h.sf('POST', '/sobjects/Opportunity', {
      Name: 'Heron direct',
      AccountId: accountId,
      StageName: 'Prospecting',
      CloseDate: '2027-01-31',
      ...fields,
    })
  const found = async (id: string) => ((await reg(id)).findings as { kind: string; certain: boolean }[]).map((f) => f.kind)

  test('an open direct deal, a customer, a deal lost a short while ago', async () => {
    const a = await account()
    await deal(a)
    await deal(a, { Name: 'Won', StageName: 'Closed Won' })
    await deal(a, { Name: 'Lost', StageName: 'Closed Lost', CloseDate: new Date().toISOString().slice(0, 10) })
    await deal(a, { Name: 'Lost long ago', StageName: 'Closed Lost', CloseDate: '2019-01-01' })
    await h.sync()
    await look()
    const id = await register(0)
    expect((await found(id)).sort()).toEqual(['customer', 'lost_deal', 'open_direct_deal'])
    expect(await reg(id)).toMatchObject({ state: 'under_review', standing: 'first' })
    expect(JSON.stringify(await recordFields(id))).not.toMatch(/Heron direct|customer|direct deal/)
  })

  test('what comes to light later is found as well', async () => {
    const id = await register(0)
    expect(await found(id)).toEqual([])
    await deal(await account())
    await h.sync()
    await look()
    expect(await found(id)).toEqual(['open_direct_deal'])
  })

  test('another partner of record', async () => {
    await h.tx((tx) =>
      createRecord(tx, h.engine, 'account', {
        name: 'Heron Robotics',
        domain: 'heronrobotics.com',
        partnerOfRecord: partners[1]!,
      }),
    )
    await look()
    expect(await found(await register(0))).toEqual(['partner_of_record'])
    expect(await found(await register(1, { product: 'Suite 3' }))).toEqual([])
  })
})

describe('the rules', () => {
  test('where nothing stands in its way and the tier allows it, it is approved at once, and a deal is made in both CRMs', async () => {
    partners.push(await partner('Gold Finch', 'Gold'))
    await publish('decision:\n  bands:\n    - { upTo: 50000, approveAutomatically: [gold] }\n    - { from: 50000 }\n')
    const money = (amount: string) => ({ amount, currency: 'USD' })
    const big = await submit(h.engine, {
      ...HERON,
      partner: partners[3]!,
      accountName: 'Stork',
      accountDomain: 'stork.example.com',
      amount: money('50000'),
    })
    const silver = await submit(h.engine, {
      ...HERON,
      partner: partners[0]!,
      accountName: 'Egret',
      accountDomain: 'egret.example.com',
      amount: money('10'),
    })
    const id = await submit(h.engine, {
      ...HERON,
      partner: partners[3]!,
      amount: money('49999.99'),
      expectedCloseDate: '2027-03-01',
    })
    expect([await reg(big), await reg(silver)].map((r) => r.state)).toEqual(['under_review', 'under_review'])
    const approved = await reg(id)
    expect(approved).toMatchObject({ state: 'approved', standing: 'first', rules: 1 })
    await h.sync()
    const [link] = await h.query<{ id: string }>(
      `select external_id as id from link where record_id = '${approved.dealId}' and object = 'Opportunity' and state = 'live'`,
    )
    expect((await h.sf('GET', `/sobjects/Opportunity/${link!.id}`)).body).toMatchObject({
      Name: 'Heron suite',
      Concordat_Source__c: 'Partner sourced',
      Amount: 49999.99,
      CloseDate: '2027-03-01',
    })
    expect(await recordFields(id)).toMatchObject({
      status: 'approved',
      deal: approved.dealId,
      protectedUntil: expect.stringMatching(/^\d{4}-/),
    })
    const events = await h.tx((tx) => registrations.eventsOf(tx, id))
    expect(events.map((e) => e.what)).toEqual(['submitted', 'standing', 'checked', 'state'])
    expect(events.at(-1)).toMatchObject({ rules: 1, evidence: { rule: expect.stringContaining('approveAutomatically') } })
  })

  test('an approved one takes the open deal that is there: influenced, since that was opened before', async () => {
    const a = await h.createAccount({ Name: 'Heron Robotics', Website: 'heronrobotics.com' })
    const made = await h.sf('POST', '/sobjects/Opportunity', {
      Name: 'Heron direct',
      AccountId: a,
      StageName: 'Prospecting',
      CloseDate: '2027-01-31',
    })
    await h.sync()
    await look()
    const id = await register(0)
    await decide(h.engine, id, { to: 'approved', ...manager })
    await h.sync()
    expect((await h.sf('GET', `/sobjects/Opportunity/${made.body.id}`)).body).toMatchObject({
      Concordat_Source__c: 'Partner influenced',
    })
    const [{ n }] = (await h.query<{ n: number }>(`select count(*) as n from record where entity = 'deal'`)) as [{ n: number }]
    expect(Number(n)).toBe(1)
  })

  test('a manager may prefer the second: the first comes second then; two are never protected', async () => {
    const [first, second] = [await register(0), await register(1)]
    await decide(h.engine, second, { to: 'approved', ...manager })
    await look()
    expect(await reg(second)).toMatchObject({ state: 'approved', standing: 'first' })
    expect(await reg(first)).toMatchObject({ state: 'under_review', standing: 'second', behind: second })
    await expect(decide(h.engine, first, { to: 'approved', ...manager })).rejects.toThrow(/approved and protected/)
  })

  test('a decision that does not follow is refused, and changes nothing', async () => {
    const id = await register(0)
    await decide(h.engine, id, { to: 'rejected', ...manager })
    await expect(decide(h.engine, id, { to: 'approved', ...manager })).rejects.toThrow(
      /is rejected, and does not become approved/,
    )
    await expect(decide(h.engine, partners[0]!, { to: 'approved', ...manager })).rejects.toThrow(/there is no registration/)
    await expect(extend(h.engine, id, manager)).rejects.toThrow(/only an approved one/)
    expect(await reg(id)).toMatchObject({ state: 'rejected' })
  })

  test('a decision made in a CRM counts; one that cannot be is set back there', async () => {
    const id = await register(0)
    await h.sync()
    const [link] = await h.query<{ id: string }>(
      `select external_id as id from link where record_id = '${id}' and object = 'Concordat_Registration__c'`,
    )
    const set = (Status__c: string) => h.sf('PATCH', `/sobjects/Concordat_Registration__c/${link!.id}`, { Status__c })
    const status = async () => (await h.sf('GET', `/sobjects/Concordat_Registration__c/${link!.id}`)).body.Status__c
    const settle = async () => {
      await h.sync()
      await look()
      await h.sync()
    }
    await set('Expired')
    await settle()
    expect(await reg(id)).toMatchObject({ state: 'under_review' })
    expect(await status()).toBe('Under review')
    await set('Approved')
    await settle()
    expect(await reg(id)).toMatchObject({ state: 'approved' })
    const events = await h.tx((tx) => registrations.eventsOf(tx, id))
    expect(events.filter((e) => e.by === 'salesforce').map((e) => [e.what, e.to])).toEqual([
      ['set back', null],
      ['state', 'approved'],
    ])
  })
})

describe('the clock', () => {
  const notes = () => h.query<{ kind: string; addressee: string }>('select kind, addressee from notification order by id')

  test('reminds once, escalates once, in working time', async () => {
    await publish('decision:\n  escalateTo: [boss@vendor.example]\n')
    const id = await register(0)
    const { remindAt, dueAt } = await reg(id)
    expect(dueAt!.getTime() - Date.now()).toBeGreaterThanOrEqual(47 * 3_600_000)
    const kinds = async () => (await notes()).map((n) => n.kind)
    await runClock(h.engine, remindAt!.getTime() - 1)
    expect(await kinds()).toEqual(['decision_needed'])
    for (let i = 0; i < 2; i++) await runClock(h.engine, remindAt!.getTime())
    expect(await kinds()).toEqual(['decision_needed', 'reminder'])
    for (let i = 0; i < 2; i++) await runClock(h.engine, dueAt!.getTime())
    expect(
      (await notes())
        .filter((n) => n.kind === 'breached')
        .map((n) => n.addressee)
        .sort(),
    ).toEqual(['boss@vendor.example', 'pia.manager@vendor.example'])
    expect(await reg(id)).toMatchObject({ state: 'under_review', breached: true })
  })

  test('protection ends, is extended as often as the rules allow, and ends with a lost deal', async () => {
    const [a, b] = [await register(0), await register(1, { accountName: 'Stork', accountDomain: 'stork.example.com' })]
    for (const id of [a, b]) await decide(h.engine, id, { to: 'approved', ...manager })
    const until = (await reg(b)).protectedUntil!.getTime()
    await extend(h.engine, a, manager)
    await expect(extend(h.engine, a, manager)).rejects.toThrow(/the rules allow 1/)
    await runClock(h.engine, until)
    expect([(await reg(a)).state, (await reg(b)).state]).toEqual(['approved', 'expired'])
    const { dealId } = await reg(a)
    await h.tx((tx) => editRecord(tx, dealId!, undefined, { stage: 'lost' }))
    await look()
    expect(await reg(a)).toMatchObject({ state: 'expired' })
    expect(await reg(await register(2))).toMatchObject({ standing: 'first' })
  })

  test('a registration whose record was deleted is withdrawn, and its place is free', async () => {
    const id = await register(0)
    await h.tx((tx) => deleteRecord(tx, id, undefined))
    await look()
    expect(await reg(id)).toMatchObject({ state: 'withdrawn' })
    expect(await reg(await register(1))).toMatchObject({ standing: 'first' })
  })
})
