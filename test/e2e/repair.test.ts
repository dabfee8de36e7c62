import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isDue } from '../../src/nightly.ts'
import { repair } from '../../sync/verify/repair.ts'
import { upperBound, verify, verifySample } from '../../sync/verify/verify.ts'
import { closeDatabase, Harness } from '../support/harness.ts'

/** What a verification finds is put right by the normal lanes; a sample says how much it is worth. */

let h: Harness
let account: string
let company: string
beforeEach(async () => {
  h = await Harness.start()
  account = await h.createAccount({ Name: 'Alder Works', Website: 'alder.example.com', Phone: '+4930111' })
  await h.sync()
  company = (await h.twinOf(account, 'hubspot'))!
})
afterEach(() => h.stop())
afterAll(closeDatabase)

/** Verifies, repairs, works, and verifies again. */
async function repaired() {
  const found = await h.verify()
  expect(found.unexplained).toBeGreaterThan(0)
  expect(await repair(h.engine, found.list)).toBe(found.unexplained)
  await h.sync()
  return h.verify()
}
const phones = async () => [(await h.account(account)).Phone, (await h.object('companies', company, ['phone'])).phone]

describe('repair', () => {
  test('puts right what the engine was not told of', async () => {
    await h.sf('PATCH', `/sobjects/Account/${account}`, { Phone: '+4930222' })
    // As if a poll had passed over it.
    await h.query(`update lane_object set state = jsonb_set(state, '{cursor,version}', '9e12') returning 1`)
    expect(await repaired()).toMatchObject({ unexplained: 0 })
    expect(await phones()).toEqual(['+4930222', '+4930222'])
  })

  test('sends what was agreed to be sent and got lost', async () => {
    await h.query(
      `update record set fields = jsonb_set(fields, '{phone}', '{"v":"+4930333","n":7,"o":"api","t":[1,1]}'), version = version + 1 returning 1`,
    )
    expect(await repaired()).toMatchObject({ unexplained: 0 })
    expect(await phones()).toEqual(['+4930333', '+4930333'])
  })

  test('makes no second row of what only lost its link', async () => {
    await h.query(`delete from link where external_id = '${company}' returning 1`)
    expect(await repaired()).toMatchObject({ unexplained: 0 })
    expect(h.sandbox.world.counts()).toMatchObject({ salesforce: { Account: 1 }, hubspot: { companies: 1 } })
  })

  test('settles no conflict and touches nothing that has its reason', async () => {
    await h.sf('PATCH', `/sobjects/Account/${account}`, { Phone: '+4930222' })
    await h.hs('PATCH', `/crm/v3/objects/companies/${company}`, { properties: { phone: '+4930333' } })
    await h.sync()
    const found = await h.verify()
    expect(found).toMatchObject({ unexplained: 0, byReason: { conflict: 1 } })
    expect(await repair(h.engine, found.list)).toBe(0)
    await h.sync()
    expect(await phones()).toEqual(['+4930222', '+4930333'])
  })
})

describe('a sample', () => {
  test('is the same for the same seed, finds what it sees, and says what that means for the whole', async () => {
    for (let i = 0; i < 29; i++)
      await h.createAccount({ Name: `Birch ${i}`, Website: `birch${i}.example.com`, Phone: '+4930111' })
    await h.sync()
    const first = await verifySample(h.engine, 10, 'a')
    expect(first).toMatchObject({ compared: 20, unexplained: 0, sample: { rows: 20, of: 60 } })
    expect(first.sample.disagreeAtMost).toBeCloseTo(0.12, 2)
    await h.query(
      `update record set fields = jsonb_set(fields, '{phone}', '{"v":"+4930999","n":9,"o":"api","t":[1,1]}') returning 1`,
    )
    const [one, two] = [await verifySample(h.engine, 10, 'a'), await verifySample(h.engine, 10, 'a')]
    expect(one.unexplained).toBe(20)
    expect(two.list).toEqual(one.list)
    expect(one.sample.disagreeAtMost).toBe(1)
  })

  test.each([
    [0, 0, 1],
    [0, 100, 0.0264],
    [1, 100, 0.0435],
    [100, 100, 1],
  ])('with %i wrong of %i says at most %f', (k, n, most) => expect(upperBound(k, n)).toBeCloseTo(most, 2))
})

test('the nightly verification runs once a night, and leaves half of the calls to others', () => {
  const day = 24 * 3_600_000
  expect(isDue(2, day, [])).toBe(true)
  expect(isDue(14, day, [])).toBe(false)
  expect(isDue(2, 600_000, [])).toBe(false)
  expect(isDue(2, day, [{ used: 60, limit: 100 }])).toBe(false)
})

describe('a verification that takes its time', () => {
  /** As many accounts, in pages of a hundred in HubSpot. */
  async function many(): Promise<void> {
    for (let from = 0; from < 400; from += 200) {
      const records = Array.from({ length: 200 }, (_, i) => ({
        attributes: { type: 'Account' },
        Name: `Heath ${from + i}`,
        Website: `heath-${from + i}.example.com`,
      }))
      await h.sf('POST', '/composite/sobjects', { allOrNone: false, records })
    }
    await h.sync()
  }
  /** HubSpot's pages hold a hundred rows; a batch ends after one of them. */
  const calls = { calls: 1 }

  test('rests when its calls are used up, goes on there, and comes to the same as one that did not rest', async () => {
    await many()
    await h.sf('PATCH', `/sobjects/Account/${account}`, { Phone: '+4930222' })
    const { list, ...whole } = await verify(h.engine)
    expect(whole).toMatchObject({ complete: true, resumed: false, unexplained: 1 })
    let rests = 0
    let part = await verify(h.engine, calls)
    while (!part.complete) {
      rests++
      part = await verify(h.engine, calls)
    }
    expect(rests).toBeGreaterThan(3)
    expect({ ...part, resumed: false }).toEqual({ ...whole, list })
    expect(await h.query(`select count(*)::int as n from verification where state = 'finished'`)).toEqual([{ n: 2 }])
    expect(await h.query('select 1 from verified_row')).toEqual([])
  })

  test('that a process left goes on with what it had seen: rows that are missing are told, and no others', async () => {
    await many()
    await h.query(`update lane_object set state = jsonb_set(state, '{cursor,version}', '9e12') returning 1`)
    await h.hs('DELETE', `/crm/v3/objects/companies/${company}`)
    expect(await verify(h.engine, { calls: 9 })).toMatchObject({ complete: false })
    const { list, ...rest } = await verify(h.engine)
    expect(rest).toMatchObject({ complete: true, resumed: true, unexplained: 1 })
    expect(list).toMatchObject([{ field: '(row)', externalId: company }])
  })

  test('is made by one at a time', async () => {
    const [first, second] = await Promise.allSettled([verify(h.engine), verify(h.engine)])
    expect([first.status, second.status].sort()).toEqual(['fulfilled', 'rejected'])
    const refused = [first, second].find((r) => r.status === 'rejected') as PromiseRejectedResult
    expect(refused.reason).toMatchObject({ name: 'VerifyBusy' })
  })
})
