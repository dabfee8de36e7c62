import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openConflictsWhere } from '../../store/conflicts.ts'
import { type Choice, decideAlways, resolveConflicts } from '../../sync/resolve.ts'
import { closeDatabase, Harness } from '../support/harness.ts'

/** Conflicts are a person's to settle: by a side, by a value, or for ever; never over what nobody has looked at. */

let h: Harness
let account: string
let company: string
beforeEach(async () => {
  h = await Harness.start()
  account = await h.createAccount({ Name: 'Alder Works', Website: 'alder.example.com', Phone: '+49301111111' })
  await h.sync()
  company = (await h.twinOf(account, 'hubspot'))!
})
afterEach(() => h.stop())
afterAll(closeDatabase)

const phones = async () => [(await h.account(account)).Phone, (await h.object('companies', company, ['phone'])).phone]
const editSalesforce = (phone: string) => h.sf('PATCH', `/sobjects/Account/${account}`, { Phone: phone })
const editHubspot = (phone: string) => h.hs('PATCH', `/crm/v3/objects/companies/${company}`, { properties: { phone } })
const open = () => h.tx((tx) => openConflictsWhere(tx, {}))

/** Both sides change the phone to different values. */
async function disagree(): Promise<{ id: string; rev: number }> {
  await editSalesforce('+49302222222')
  await editHubspot('+49303333333')
  await h.sync()
  const [conflict] = await open()
  return conflict!
}
const resolve = async (choice: Choice, asked?: { id: string; rev: number }) => {
  const conflict = asked ?? (await open())[0]!
  return (await resolveConflicts(h.engine, [{ ...conflict, choice }]))[0]!
}

describe('a conflict', () => {
  test.each([
    ['salesforce', '+49302222222'],
    ['hubspot', '+49303333333'],
  ])('settled by keeping %s brings both CRMs to its value', async (side, kept) => {
    await disagree()
    expect(await resolve({ keep: side })).toMatchObject({ ok: true, field: 'phone' })
    await h.sync()
    expect(await phones()).toEqual([kept, kept])
    expect(await open()).toEqual([])
    expect(await h.verify()).toMatchObject({ differences: 0 })
    expect(await h.query(`select origin, kind from change where kind = 'resolved'`)).toEqual([
      { origin: 'person', kind: 'resolved' },
    ])
  })

  test('settled by a value gives it to both', async () => {
    await disagree()
    expect(await resolve({ value: '+49304444444' })).toMatchObject({ ok: true })
    await h.sync()
    expect(await phones()).toEqual(['+49304444444', '+49304444444'])
    expect(await h.verify()).toMatchObject({ differences: 0 })
  })

  test('settled by no value at all clears the field on both sides', async () => {
    await disagree()
    await resolve({ value: null })
    await h.sync()
    expect((await phones()).map((p) => p ?? null)).toEqual([null, null])
  })

  test('is not settled by who has not seen a later change: the present values are shown instead', async () => {
    const seen = await disagree()
    await editHubspot('+49305555555')
    const answer = await resolve({ keep: 'salesforce' }, seen)
    expect(answer).toMatchObject({ ok: false, error: { code: 'stale', version: seen.rev + 1 } })
    expect(answer).toHaveProperty('error.present.hubspot', expect.stringContaining('5555555'))
    await h.sync()
    expect(await phones()).toEqual(['+49302222222', '+49305555555'])
    expect(await open()).toHaveLength(1)
  })

  test('that both sides have settled by themselves cannot be settled again', async () => {
    const seen = await disagree()
    await editSalesforce('+49303333333')
    expect(await resolve({ keep: 'hubspot' }, seen)).toMatchObject({ ok: false, error: { code: 'settled' } })
  })

  test('that does not exist, or a side that it has not, changes nothing', async () => {
    const seen = await disagree()
    expect(await resolve({ keep: 'pipedrive' }, seen)).toMatchObject({
      ok: false,
      error: { code: 'invalid', message: expect.stringContaining('record, salesforce, hubspot') },
    })
    const [unknown] = await resolveConflicts(h.engine, [
      { id: '00000000-0000-4000-8000-000000000000', rev: 1, choice: { keep: 'record' } },
    ])
    expect(unknown).toMatchObject({ ok: false, error: { code: 'not_found' } })
    expect(await open()).toEqual([seen])
  })

  test('is settled once, whoever answers twice', async () => {
    const seen = await disagree()
    const both = await Promise.all([resolve({ keep: 'hubspot' }, seen), resolve({ keep: 'salesforce' }, seen)])
    expect(both.filter((a) => a.ok)).toHaveLength(1)
  })
})

describe('always', () => {
  test('a policy settles what is open, decides what comes, and is a new version of the mappings', async () => {
    await disagree()
    expect(await decideAlways(h.engine, 'account', 'phone', { source: 'hubspot' })).toMatchObject([{ ok: true }])
    await h.sync()
    expect(await phones()).toEqual(['+49303333333', '+49303333333'])
    await editSalesforce('+49306666666')
    await editHubspot('+49307777777')
    await h.sync()
    expect(await phones()).toEqual(['+49307777777', '+49307777777'])
    expect(await open()).toEqual([])
    expect(await h.query(`select version, status from mapping where entity = 'account' order by connection_id, version`)).toEqual(
      [
        { version: 1, status: 'superseded' },
        { version: 2, status: 'active' },
        { version: 1, status: 'superseded' },
        { version: 2, status: 'active' },
      ],
    )
  })

  test('what the policy cannot decide stays open', async () => {
    await disagree()
    expect(await decideAlways(h.engine, 'account', 'phone', 'fill')).toMatchObject([{ ok: false, error: { code: 'invalid' } }])
    expect(await open()).toHaveLength(1)
  })
})

test('automations in both CRMs that flip a field end in an oscillation after the second flip, with its history', async () => {
  await editSalesforce('+49301000000')
  await h.sync()
  let writes = 0
  for (let round = 0; round < 6 && (await open()).length === 0; round++) {
    // Whichever side does not hold its automation's value has just been written by us.
    const [inSalesforce, inHubspot] = await phones()
    if (inHubspot !== '+49302000000') await editHubspot('+49302000000')
    else if (inSalesforce !== '+49301000000') await editSalesforce('+49301000000')
    writes++
    await h.sync()
  }
  expect(writes).toBe(4)
  const [conflict] = await h.query<{ kind: string; history: { to: string }[] }>(
    `select kind, history from conflict where state = 'open'`,
  )
  expect(conflict).toMatchObject({ kind: 'oscillation' })
  expect(conflict!.history.slice(-4).map((x) => x.to)).toEqual(['+49302000000', '+49301000000', '+49302000000', '+49301000000'])
  // Frozen: each side keeps its own, and nothing is written any more.
  expect((await h.sync()).pushed).toMatchObject({ salesforce: { updated: 0 }, hubspot: { updated: 0 } })
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
})
