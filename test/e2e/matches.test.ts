import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkDuplicates } from '../../sync/duplicates/check.ts'
import { applyTuning, tuneMatching } from '../../sync/duplicates/tune.ts'
import { createRecord } from '../../sync/edit.ts'
import { settleMatch, settleMatches } from '../../sync/reviews.ts'
import { closeDatabase, Harness } from '../support/harness.ts'

/** What nobody can tell is asked, and what a person says holds. */

let h: Harness
beforeEach(async () => {
  h = await Harness.start()
})
afterEach(() => h.stop())
afterAll(closeDatabase)

interface Match {
  id: string
  recordIds: string[]
  state: string
}
const matches = () => h.query<Match>(`select id, record_ids as "recordIds", state from match order by id`)
const linkOf = async (externalId: string) =>
  (
    await h.query<{ recordId: string | null; state: string }>(
      `select record_id as "recordId", state from link where external_id = '${externalId}'`,
    )
  )[0]
const recordOf = async (externalId: string) => (await linkOf(externalId))!.recordId!

/** A company in HubSpot that may be either of two accounts. */
async function ambiguous() {
  const one = await h.createAccount({ Name: 'Heron Labs', Website: 'heron.example.com', Phone: '+14155550100' })
  const other = await h.createAccount({ Name: 'Heron Labs West', Website: 'heron.example.com', Phone: '+14155550101' })
  const company = await h.createCompany({ name: 'Heron', domain: 'heron.example.com', phone: '+14155550102' })
  await h.sync()
  const [match] = (await matches()).filter((m) => m.state === 'open')
  expect(match!.recordIds).toHaveLength(2)
  return { one, other, company, match: match! }
}

describe('a row that may be two records', () => {
  test('is linked to the one that a person names, merged as at any first link, and not asked about again', async () => {
    const { one, company, match } = await ambiguous()
    const record = await recordOf(one)
    await h.tx((tx) => settleMatch(tx, h.engine, match.id, { same: record }))
    await h.sync()
    await h.scan()
    expect(await linkOf(company)).toEqual({ recordId: record, state: 'live' })
    expect((await matches()).map((m) => m.state)).not.toContain('open')
    expect((await h.object('companies', company, ['phone'])).phone).toBe('+14155550100')
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })

  test('becomes a record of its own when a person says that it is neither, and stays so when it is read again', async () => {
    const { one, other, company, match } = await ambiguous()
    await h.tx((tx) => settleMatch(tx, h.engine, match.id, { different: true }))
    await h.sync()
    const link = (await linkOf(company))!
    expect(link.state).toBe('live')
    expect([await recordOf(one), await recordOf(other)]).not.toContain(link.recordId)
    await h.hs('PATCH', `/crm/v3/objects/companies/${company}`, { properties: { phone: '+14155550199' } })
    await h.sync()
    await h.scan()
    expect((await matches()).filter((m) => m.state === 'open')).toEqual([])
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })

  test('needs to be told which one', async () => {
    const { match } = await ambiguous()
    await expect(h.tx((tx) => settleMatch(tx, h.engine, match.id, { same: true }))).rejects.toThrow(
      /asks about 2 records: say which/,
    )
    await expect(h.tx((tx) => settleMatch(tx, h.engine, match.id, { same: match.id }))).rejects.toThrow(
      /does not ask about record/,
    )
    expect((await matches()).find((m) => m.id === match.id)).toEqual(match)
  })
})

describe('a second row of a record', () => {
  test('is listed beside the first and never written when a person says that it is the record', async () => {
    const account = await h.createAccount({ Name: 'Heron Labs', Website: 'heron.example.com', Phone: '+14155550100' })
    await h.sync()
    const company = await h.createCompany({ name: 'Heron Laboratories', domain: 'heron.example.com', phone: '+14155550102' })
    await h.sync()
    const [match] = (await matches()).filter((m) => m.state === 'open')
    await h.tx((tx) => settleMatch(tx, h.engine, match!.id, { same: true }))
    await h.sync()
    expect(await linkOf(company)).toEqual({ recordId: await recordOf(account), state: 'duplicate' })
    await h.sf('PATCH', `/sobjects/Account/${account}`, { Phone: '+14155550777' })
    await h.sync()
    expect((await h.object('companies', company, ['phone'])).phone).toBe('+14155550102')
    expect(await h.verify()).toMatchObject({ unexplained: 0 })
  })
})

describe('answers that do not fit', () => {
  test('an unknown match and one that is settled are refused, and nothing changes', async () => {
    const { match, one } = await ambiguous()
    await expect(
      h.tx((tx) => settleMatch(tx, h.engine, '0f9c0000-0000-4000-8000-000000000000', { different: true })),
    ).rejects.toThrow('there is no match')
    await h.tx((tx) => settleMatch(tx, h.engine, match.id, { different: true }))
    const record = await recordOf(one)
    await expect(h.tx((tx) => settleMatch(tx, h.engine, match.id, { same: record }))).rejects.toThrow(/is rejected already/)
  })

  test('records of their own that are not surely one are not united in bulk; rejected they stay apart', async () => {
    await h.createAccount({ Name: 'Heron Labs', Website: 'heron.example.com' })
    await h.createAccount({ Name: 'Quail Holdings', Website: 'heron.example.com' })
    await h.sync()
    await checkDuplicates(h.engine)
    expect(await matches()).toMatchObject([{ state: 'possible' }])
    expect(await h.tx((tx) => settleMatches(tx, h.engine, { entity: 'account' }, { same: true }))).toMatchObject({
      settled: 0,
      left: 1,
    })
    expect(await h.tx((tx) => settleMatches(tx, h.engine, { entity: 'account' }, { different: true }))).toMatchObject({
      settled: 1,
      left: 0,
    })
    await checkDuplicates(h.engine)
    expect((await matches()).map((m) => m.state)).toEqual(['rejected'])
  })
})

test('answers suggest where the line is drawn; applied, scores are shifted and say so', async () => {
  const told = (score: number) => JSON.stringify({ score, verdict: 'review', shift: 0 })
  for (const [state, score] of [
    ['accepted', -2],
    ['rejected', -4],
    ['possible', -3],
  ] as const)
    await h.query(
      `insert into match (id, entity, record_ids, reason, explanation, state) select gen_random_uuid(), 'account', array[gen_random_uuid()], '', '${told(score)}', '${state}' from generate_series(1, 12) returning 1`,
    )
  const expected = {
    kind: 'company',
    answers: 24,
    shift: 0,
    suggestion: { shift: 3, wrongNow: 12, wrongThen: 0 },
    surer: 12,
    lessSure: 0,
  }
  expect(await h.tx(tuneMatching)).toMatchObject([expected])
  expect(await h.tx(tuneMatching)).toMatchObject([expected])
  await h.tx(applyTuning)
  expect(await h.tx(tuneMatching)).toMatchObject([{ shift: 3, suggestion: { wrongNow: 0, shift: 3 } }])
  await h.tx((tx) => createRecord(tx, h.engine, 'account', { name: 'Heron Robotics', domain: 'heronrobotics.com' }))
  await h.tx((tx) => createRecord(tx, h.engine, 'account', { name: 'Heron Robotics Inc', domain: 'heronrobotics.com' }))
  await checkDuplicates(h.engine)
  const [listed] = await h.query<{ shift: number }>(
    `select (explanation ->> 'shift')::float8 as shift from match where reason <> ''`,
  )
  expect(listed).toEqual({ shift: 3 })
})
