import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { checkDuplicates } from '../../sync/duplicates/check.ts'
import { editRecord } from '../../sync/edit.ts'
import { mergeInCrm } from '../../sync/golden/in-crm.ts'
import { mergeInto, previewMerge, undoMerge } from '../../sync/golden/merge.ts'
import { settleMatch } from '../../sync/reviews.ts'
import { closeDatabase, Harness } from '../support/harness.ts'

/** Two records that are one thing become one, and two again. */

let h: Harness
beforeEach(async () => {
  h = await Harness.start()
})
afterEach(() => h.stop())
afterAll(closeDatabase)

const FIRST = { rules: { default: 'first' as const }, manual: {} }
const recordOf = async (row: string) =>
  (await h.query<{ id: string }>(`select record_id as id from link where external_id = '${row}' and state = 'live'`))[0]!.id

/** The same company typed into Salesforce and into HubSpot, so that nothing links the two; a contact below the second. */
async function twice() {
  const one = await h.createAccount({
    Name: 'Heron Robotics',
    Phone: '+14155550100',
    BillingCity: 'Oslo',
    BillingStreet: '12 Quay Street',
  })
  const two = (
    await h.hs('POST', '/crm/v3/objects/companies', {
      properties: {
        name: 'Heron Robotics Inc',
        domain: 'heronrobotics.com',
        phone: '+14155550100',
        city: 'Oslo',
        address: '12 Quay Street',
      },
    })
  ).body.id as string
  await h.sync()
  const [a, b] = [await recordOf(one), await recordOf(two)]
  const contact = (
    await h.sf('POST', '/sobjects/Contact', {
      LastName: 'Quinn',
      Email: 'q@heronrobotics.com',
      AccountId: await h.twinOf(two, 'salesforce'),
    })
  ).body.id as string
  await h.sync()
  return { one, two, a, b, contact }
}
const shown = async ({ one, two, a, b, contact }: Awaited<ReturnType<typeof twice>>) => ({
  salesforce: await h.account(one).then(({ Name, Phone, Website }: Record<string, unknown>) => ({ Name, Phone, Website })),
  hubspot: await h
    .object('companies', two, ['name', 'domain', 'phone'])
    .then(({ name, domain, phone }: Record<string, unknown>) => ({ name, domain, phone })),
  parent: (await h.sf('GET', `/sobjects/Contact/${contact}`)).body.AccountId,
  records: await h.query(
    `select id, deleted_at is null as standing, (select jsonb_object_agg(key, value -> 'v') from jsonb_each(fields)) as fields from record where id in ('${a}', '${b}') order by id`,
  ),
  links: await h.query(`select id, record_id, state from link where record_id in ('${a}', '${b}') order by id`),
})

test('what is likely one is listed with its reasons; accepted, the older stays, and taking that back is exact', async () => {
  const pair = await twice()
  const before = await shown(pair)
  while ((await checkDuplicates(h.engine)).looked > 0);
  const [match] = await h.query<{ id: string; explanation: Record<string, unknown> }>(
    `select id, explanation from match where state = 'possible' and entity = 'account'`,
  )
  expect(match!.explanation).toMatchObject({ verdict: 'duplicate', sentence: expect.stringContaining('name (same)') })
  await h.tx((tx) => settleMatch(tx, h.engine, match!.id, { same: true }))
  await h.sync()
  const merged = await shown(pair)
  expect(merged.records).toMatchObject([
    { id: pair.a, standing: true, fields: { name: 'Heron Robotics', domain: 'heronrobotics.com' } },
    { id: pair.b, standing: false },
  ])
  expect(merged.salesforce).toMatchObject({ Website: 'heronrobotics.com' })
  expect(merged.parent).toBe(pair.one)
  const states = await h.query<{ state: string }>(`select state from link where record_id = '${pair.a}' order by state`)
  expect(states.map((s) => s.state)).toEqual(['duplicate', 'duplicate', 'live', 'live'])
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
  const [merge] = await h.query<{ id: string }>('select id from record_merge')
  expect(await h.tx((tx) => undoMerge(tx, merge!.id))).toMatchObject({ kept: [] })
  await h.sync()
  const after = await shown(pair)
  // A field that was filled and is blank again is told as blank.
  for (const r of after.records as { fields: Record<string, unknown> }[])
    for (const [name, v] of Object.entries(r.fields)) if (v === null) delete r.fields[name]
  expect(after).toEqual(before)
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
  await expect(h.tx((tx) => undoMerge(tx, merge!.id))).rejects.toThrow(/taken back already/)
})

test('what was changed since a merge stays when it is taken back, and is listed', async () => {
  const pair = await twice()
  const id = await h.tx((tx) => mergeInto(tx, h.engine, { survivorId: pair.a, otherId: pair.b, by: 'nora', choice: FIRST }))
  await h.sync()
  await h.tx((tx) => editRecord(tx, pair.a, undefined, { domain: 'heron.dev' }))
  await h.sync()
  expect(await h.tx((tx) => undoMerge(tx, id))).toMatchObject({
    kept: [{ recordId: pair.a, field: 'domain', why: 'changed since' }],
  })
  await h.sync()
  expect((await h.account(pair.one)).Website).toBe('heron.dev')
  expect((await h.object('companies', pair.two, ['domain'])).domain).toBe('heronrobotics.com')
})

test('a preview tells whose value each field keeps, by the rules that were asked for, and changes nothing', async () => {
  const pair = await twice()
  const before = await shown(pair)
  const preview = await h.tx((tx) =>
    previewMerge(tx, h.engine, pair.a, pair.b, {
      rules: { default: 'first', name: 'longest', 'address.city': { source: ['hubspot'] } },
      manual: { industry: 'Robotics' },
    }),
  )
  const field = (name: string) => preview.fields.find((f) => f.field === name)
  expect(field('name')).toMatchObject({
    value: 'Heron Robotics Inc',
    from: pair.b,
    rule: 'longest',
    lost: [{ value: 'Heron Robotics' }],
  })
  expect(field('industry')).toMatchObject({ value: 'Robotics', from: null, rule: 'manual' })
  expect(field('address.city')).toMatchObject({ from: pair.b })
  expect(preview.rows.map((r) => r.becomes)).toEqual(['listed as a duplicate', 'listed as a duplicate'])
  expect(preview.inCrm).toHaveLength(2)
  expect(await shown(pair)).toEqual(before)
})

test('the duplicate rows are merged in their CRMs as well, by the name of the row that goes', async () => {
  const pair = await twice()
  await h.tx((tx) => mergeInto(tx, h.engine, { survivorId: pair.a, otherId: pair.b, by: 'nora', choice: FIRST }))
  await h.sync()
  for (const rt of h.engine.runtimes) {
    const [row] = await h.query<{ id: string }>(
      `select external_id as id from link where connection_id = '${rt.id}' and state = 'duplicate' and record_id = '${pair.a}'`,
    )
    await expect(mergeInCrm(h.engine, rt, pair.a, 'another row')).rejects.toThrow(/not listed as a duplicate/)
    await mergeInCrm(h.engine, rt, pair.a, row!.id)
    await h.sync()
  }
  const live = await h.query<{ state: string }>(`select state from link where record_id = '${pair.a}' and state <> 'dead'`)
  expect(live.map((l) => l.state)).toEqual(['live', 'live'])
  await h.scan()
  expect(await h.verify()).toMatchObject({ unexplained: 0 })
})

test('what is not one thing, or is undecided, is not merged', async () => {
  const { a, contact } = await twice()
  const person = await recordOf(contact)
  const merge = (survivorId: string, otherId: string) =>
    h.tx((tx) => mergeInto(tx, h.engine, { survivorId, otherId, by: 'nora', choice: FIRST }))
  await expect(merge(a, a)).rejects.toThrow(/with itself/)
  await expect(merge(a, person)).rejects.toThrow(/not one thing/)
  await expect(merge(a, '0f9c0000-0000-4000-8000-000000000000')).rejects.toThrow(/there is no record/)
})

test('a record that cannot be checked is told of, and stops no other', async () => {
  await twice()
  const [{ id }] = (await h.query<{ id: string }>(`select id from record where entity = 'account' order by id limit 1`)) as [
    { id: string },
  ]
  await h.query(`update record set fields = '{"name": null}' where id = '${id}' returning 1`)
  const told: string[] = []
  h.engine.log = (_level, message) => void told.push(message)
  while ((await checkDuplicates(h.engine)).looked > 0);
  const [due] = await h.query<{ n: number }>('select count(*) as n from match_due')
  expect(Number(due!.n)).toBe(0)
  expect(told).toEqual([expect.stringMatching(`record ${id} cannot be checked`)])
  const [{ n }] = (await h.query<{ n: number }>('select count(*) as n from match_subject')) as [{ n: number }]
  expect(Number(n)).toBeGreaterThan(1)
})
