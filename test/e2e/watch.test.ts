import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { UpdateRequest } from '../../connectors/connector.ts'
import type { ConflictRow } from '../../mappings/state.ts'
import * as attention from '../../store/attention.ts'
import { setWatching } from '../../store/watch.ts'
import { decideFrozen } from '../../sync/frozen.ts'
import { type Choice, resolveConflicts } from '../../sync/resolve.ts'
import { closeDatabase, Harness } from '../support/harness.ts'

/** Between our read and our write another person can save. What our write then replaces is found, and offered back. */

let h: Harness
beforeEach(async () => {
  h = await Harness.start({}, { salesforceTrackedFields: { Account: ['Phone', 'Name', 'OwnerId'] } })
})
afterEach(() => h.stop())
afterAll(closeDatabase)

/** An account, linked. */
async function linked(name = 'Alder Works'): Promise<{ account: string; company: string }> {
  const account = await h.createAccount({
    Name: name,
    Website: `${name.split(' ')[0]!.toLowerCase()}.example.com`,
    Phone: '+49301111111',
  })
  await h.sync()
  return { account, company: (await h.twinOf(account, 'hubspot'))! }
}

const sfPhone = (account: string, Phone: string | null) => h.sf('PATCH', `/sobjects/Account/${account}`, { Phone })
const hsPhone = (company: string, phone: string) =>
  h.hs('PATCH', `/crm/v3/objects/companies/${company}`, { properties: { phone } })
const runtime = (kind: string) => h.engine.runtimes.find((rt) => rt.kind === kind)!

/** Lets people save in the moment in which an update of ours leaves. */
function asWeWrite(kind: 'hubspot' | 'salesforce', save: (request: UpdateRequest) => Promise<unknown>): void {
  const { connector } = runtime(kind)
  const update = connector.update.bind(connector)
  connector.update = async (request) => {
    connector.update = update
    await save(request)
    return update(request)
  }
}

const open = () => h.tx((tx) => attention.listConflicts(tx, { state: 'open', limit: 1000 }))
const resolve = async (choice: Choice) => {
  const [conflict] = (await open()) as unknown as ConflictRow[]
  return (await resolveConflicts(h.engine, [{ id: conflict!.id, rev: conflict!.rev, choice }]))[0]!
}
const phones = async (account: string, company: string) => [
  (await h.account(account)).Phone,
  (await h.object('companies', company, ['phone'])).phone,
]

describe('a value that our write replaced unread', () => {
  test('in HubSpot is a conflict that holds it, with who had set it and when', async () => {
    const { account, company } = await linked()
    asWeWrite('hubspot', () => hsPhone(company, '+49302222222'))
    await sfPhone(account, '+49303333333')
    await h.sync()
    const [conflict] = await open()
    expect(conflict).toMatchObject({ kind: 'overwritten', field: 'phone' })
    expect(conflict!.sides.map((s) => [s.side, (s as unknown as { value: string }).value])).toEqual([
      ['record', '+49303333333'],
      ['hubspot-overwritten', '+49302222222'],
    ])
    expect(conflict!.sides[1]).toHaveProperty('by')
    expect(await phones(account, company)).toEqual(['+49303333333', '+49303333333'])
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })

  test('in Salesforce is found in the history of a tracked field', async () => {
    const { account, company } = await linked()
    // Two rows, so that the batch is no single conditional write.
    const other = await linked('Birch Works')
    asWeWrite('salesforce', () => sfPhone(account, '+49302222222'))
    await hsPhone(company, '+49303333333')
    await hsPhone(other.company, '+49304444444')
    await h.sync()
    const [conflict, ...rest] = await open()
    expect(rest).toEqual([])
    expect(conflict).toMatchObject({ kind: 'overwritten', field: 'phone' })
    expect(conflict!.sides.map((s) => s.side)).toEqual(['record', 'salesforce-overwritten'])
  })

  test('comes back in both CRMs when a person keeps it', async () => {
    const { account, company } = await linked()
    asWeWrite('hubspot', () => hsPhone(company, '+49302222222'))
    await sfPhone(account, '+49303333333')
    await h.sync()
    expect(await resolve({ keep: 'hubspot-overwritten' })).toMatchObject({ ok: true })
    await h.sync()
    expect(await phones(account, company)).toEqual(['+49302222222', '+49302222222'])
    expect(await open()).toEqual([])
    expect(await h.verify()).toMatchObject({ differences: 0 })
  })

  test('stays overwritten when a person keeps the record', async () => {
    const { account, company } = await linked()
    asWeWrite('hubspot', () => hsPhone(company, '+49302222222'))
    await sfPhone(account, '+49303333333')
    await h.sync()
    expect(await resolve({ keep: 'record' })).toMatchObject({ ok: true })
    await h.sync()
    expect(await phones(account, company)).toEqual(['+49303333333', '+49303333333'])
    expect(await open()).toEqual([])
  })

  test('is decided by the field’s policy where that decides: the source takes it back without asking', async () => {
    const { account, company } = await linked()
    const field = runtime('hubspot')
      .mappings.find((m) => m.entity === 'account')!
      .byName.get('phone')!
    field.mapping.policy = { source: 'hubspot' }
    asWeWrite('hubspot', () => hsPhone(company, '+49302222222'))
    await sfPhone(account, '+49303333333')
    await h.sync()
    expect(await open()).toEqual([])
    expect(await phones(account, company)).toEqual(['+49302222222', '+49302222222'])
  })

  test('that was set back before our write came is no loss', async () => {
    const { account, company } = await linked()
    asWeWrite('hubspot', async () => {
      await hsPhone(company, '+49302222222')
      await hsPhone(company, '+49301111111')
    })
    await sfPhone(account, '+49303333333')
    await h.sync()
    expect(await open()).toEqual([])
    expect(await phones(account, company)).toEqual(['+49303333333', '+49303333333'])
  })

  test('by a request whose answer was lost is found as well', async () => {
    const { account, company } = await linked()
    asWeWrite('hubspot', async () => {
      await hsPhone(company, '+49302222222')
      await h.control('/faults', { faults: [{ crm: 'hubspot', path: 'batch/update', times: 1, action: 'drop_after' }] })
    })
    await sfPhone(account, '+49303333333')
    await expect(h.sync()).rejects.toThrow('connection lost')
    await h.sync()
    expect((await open()).map((c) => c.kind)).toEqual(['overwritten'])
  })

  test('waits for the field while nobody shows it, and is found when it returns', async () => {
    const { account, company } = await linked()
    const { connector } = runtime('hubspot')
    const history = connector.history.bind(connector)
    connector.history = async (request) => {
      const answer = await history(request)
      for (const of of answer.rows.values()) of.delete('phone')
      return answer
    }
    asWeWrite('hubspot', () => hsPhone(company, '+49302222222'))
    await sfPhone(account, '+49303333333')
    await h.sync()
    expect(await open()).toEqual([])
    connector.history = history
    await h.query(`update watch set not_before = '-infinity' returning 1`)
    await h.sync()
    expect((await open()).map((c) => c.kind)).toEqual(['overwritten'])
  })

  test('is nobody’s business where watching is switched off', async () => {
    const { account, company } = await linked()
    await h.tx((tx) => setWatching(tx, 'hubspot', false))
    asWeWrite('hubspot', () => hsPhone(company, '+49302222222'))
    await sfPhone(account, '+49303333333')
    await h.sync()
    expect(await open()).toEqual([])
    expect(runtime('hubspot').budget.used.watch ?? 0).toBe(0)
  })

  test('every one of sixty edits of the same field, saved as we write, is found', async () => {
    const made: { account: string; company: string }[] = []
    for (let i = 0; i < 60; i++)
      made.push({ account: await h.createAccount({ Name: `Company ${i}`, Website: `c${i}.example.com` }), company: '' })
    await h.sync()
    for (const m of made) m.company = (await h.twinOf(m.account, 'hubspot'))!
    asWeWrite('hubspot', async () => {
      for (const [i, m] of made.entries()) await hsPhone(m.company, `+4930${2_000_000 + i}`)
    })
    for (const [i, m] of made.entries()) await sfPhone(m.account, `+4930${3_000_000 + i}`)
    await h.sync()
    const found = await open()
    expect(found).toHaveLength(60)
    expect(new Set(found.map((c) => c.kind))).toEqual(new Set(['overwritten']))
    expect(runtime('hubspot').budget.used.watch).toBe(2)
  })
})

describe('the sides of a conflict', () => {
  /** Both sides change the phone; a sync reads both at once, so that reads alone cannot tell which was later. */
  async function disagree(): Promise<{ account: string; company: string; between: number }> {
    const { account, company } = await linked()
    await sfPhone(account, '+49302222222')
    h.sandbox.world.clock.advance(30_000)
    const between = h.sandbox.world.clock.now()
    await hsPhone(company, '+49303333333')
    return { account, company, between }
  }

  test('say who set them and at which moment, where the CRM keeps a history', async () => {
    const { between } = await disagree()
    await h.sync()
    await h.sync()
    const [conflict] = await open()
    // Whichever side was read first is what the record holds.
    const sides = conflict!.sides as unknown as { side: string; origin: string; at: [number, number]; by?: string }[]
    for (const { at, by } of sides) {
      expect(at[0]).toBe(at[1])
      expect(by).toMatch(/@|userId/)
    }
    expect(sides.find((s) => s.origin === 'hubspot')!.at[0]).toBeGreaterThanOrEqual(between)
  })

  test('are judged by the later of two moments where the policy is latest', async () => {
    for (const rt of h.engine.runtimes)
      rt.mappings.find((m) => m.entity === 'account')!.byName.get('phone')!.mapping.policy = 'latest'
    const { account, company } = await disagree()
    await h.sync()
    await h.sync()
    expect(await open()).toEqual([])
    await h.sync()
    expect(await phones(account, company)).toEqual(['+49303333333', '+49303333333'])
  })
})

describe('an update of a single Salesforce row', () => {
  test('is not made when somebody saved in between: both edits stand, as a conflict', async () => {
    const { account, company } = await linked()
    // The row was last changed in a second that is over.
    h.sandbox.world.clock.advance(10_000)
    asWeWrite('salesforce', () => sfPhone(account, '+49302222222'))
    await hsPhone(company, '+49303333333')
    await h.sync()
    await h.query(`update outbox set not_before = '-infinity' returning 1`)
    await h.sync()
    expect(await phones(account, company)).toEqual(['+49302222222', '+49303333333'])
    expect((await open()).map((c) => c.kind)).toEqual(['edit'])
  })
})

describe('an edit that our delete took along', () => {
  test('freezes the record, which keeps the edit for who keeps the record', async () => {
    const { account, company } = await linked()
    const { connector } = runtime('hubspot')
    const remove = connector.remove.bind(connector)
    connector.remove = async (request) => {
      connector.remove = remove
      await hsPhone(company, '+49302222222')
      return remove(request)
    }
    await h.sf('DELETE', `/sobjects/Account/${account}`)
    await h.sync()
    const [record] = await h.query<{ id: string; as: string; phone: string }>(
      `select id, frozen_as as as, fields #>> '{phone,v}' as phone from record where entity = 'account'`,
    )
    expect(record).toMatchObject({ as: 'delete_or_edit', phone: '+49302222222' })
    await h.tx((tx) => decideFrozen(tx, h.engine, record!.id, 'keep'))
    await h.sync()
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
    const [row] = await h.query<{ n: number }>(`select count(*)::int as n from link where state = 'live'`)
    expect(row!.n).toBe(2)
  })
})

describe('a write without an answer', () => {
  test('that took effect, and was cleared by a person before anybody read it, stays cleared', async () => {
    const account = await h.createAccount({ Name: 'Alder Works', Website: 'alder.example.com' })
    await h.sync()
    const company = (await h.twinOf(account, 'hubspot'))!
    await h.control('/faults', { faults: [{ crm: 'hubspot', path: 'batch/update', times: 1, action: 'drop_after' }] })
    await sfPhone(account, '+49302222222')
    await expect(h.sync()).rejects.toThrow('connection lost')
    await hsPhone(company, '')
    await h.sync()
    await h.sync()
    expect((await phones(account, company)).map((p) => p || null)).toEqual([null, null])
    expect(await open()).toEqual([])
    expect(await h.verify()).toMatchObject({ differences: 0 })
  })

  test('that never came is sent again, though the row was changed in another field meanwhile', async () => {
    const { account, company } = await linked()
    await h.control('/faults', { faults: [{ crm: 'hubspot', path: 'batch/update', times: 1, action: 'drop_before' }] })
    await sfPhone(account, '+49302222222')
    await expect(h.sync()).rejects.toThrow('connection lost')
    await h.hs('PATCH', `/crm/v3/objects/companies/${company}`, { properties: { city: 'Oslo' } })
    await h.sync()
    expect(await phones(account, company)).toEqual(['+49302222222', '+49302222222'])
    expect((await h.account(account)).BillingCity).toBe('Oslo')
    expect(await open()).toEqual([])
  })

  test('of a field without a history is a question, where a person may have set the old value back', async () => {
    const { account, company } = await linked()
    h.sandbox.world.configure({ salesforceTrackedFields: { Account: [] } })
    await h.control('/faults', { faults: [{ crm: 'salesforce', method: 'PATCH', times: 1, action: 'drop_before' }] })
    await hsPhone(company, '+49302222222')
    await expect(h.sync()).rejects.toThrow('connection lost')
    await h.sf('PATCH', `/sobjects/Account/${account}`, { Name: 'Alder Works Ltd' })
    await h.sync()
    expect((await open()).map((c) => [c.kind, c.field])).toEqual([['uncertain', 'phone']])
  })
})
