import type { Value } from '../../mappings/model/value.ts'
import type { RecordRow } from '../../mappings/state.ts'
import * as conflicts from '../../store/conflicts.ts'
import type { Tx } from '../../store/database.ts'
import * as records from '../../store/records.ts'
import { createRecord, setFields } from '../edit.ts'
import type { Engine } from '../engine.ts'
import { subjectOf } from '../match/canonical.ts'
import { type Held, RULES } from './held.ts'
import { lookBeside } from './rivals.ts'
import type { Rules } from './rules.ts'

/** The deal of an approved registration: the one that is there, or a new one. It goes to the CRMs like any other record. */

/** @returns its id. */
export async function giveDeal(
  tx: Tx,
  engine: Engine,
  { record, registration }: Held,
  rules: Rules,
  now: number,
): Promise<string | null> {
  const said = record.fields.deal?.v
  if (typeof said === 'string') {
    await attribute(tx, said, registration.partnerId, registration.submittedAt.getTime())
    return said
  }
  const subject = subjectOf('registration', record.id, record.fields)
  if (!subject) return null
  const beside = await lookBeside(tx, { record, subject, registration }, rules, now)
  const [there] = beside.deals
  if (there) {
    await attribute(tx, there.id, registration.partnerId, registration.submittedAt.getTime())
    return there.id
  }
  const account = beside.account ?? (await makeAccount(tx, engine, record))
  const v = (field: string): Value => record.fields[field]?.v ?? null
  return createRecord(
    tx,
    engine,
    'deal',
    {
      name: v('dealName') ?? v('accountName'),
      account,
      partner: registration.partnerId,
      amount: v('amount'),
      closeDate: v('expectedCloseDate') ?? new Date(now + rules.protection.lasts * 86_400_000).toISOString().slice(0, 10),
      stage: 'prospecting',
      source: 'partner_sourced',
    },
    RULES,
  )
}

/**
 * The deal becomes the partner's: sourced by him only if he had registered it before it was opened, else influenced. What
 * a person has said about it stays.
 */
async function attribute(tx: Tx, dealId: string, partner: string | null, submittedAt: number): Promise<void> {
  const [deal] = await records.lockRecords(tx, [dealId])
  if (!deal || deal.deleted || deal.frozen !== null) return
  const open = new Set((await conflicts.openConflicts(tx, [dealId])).map((c) => c.field))
  const source = submittedAt < openedAt(deal) ? 'partner_sourced' : 'partner_influenced'
  const values: Record<string, Value> = {
    ...(partner && { partner }),
    ...(deal.fields.source?.v !== 'partner_sourced' && { source }),
  }
  await setFields(tx, deal, Object.fromEntries(Object.entries(values).filter(([name]) => !open.has(name))), RULES)
}

function openedAt(deal: RecordRow): number {
  for (const field of ['createdAt', 'openedOn']) {
    const v = deal.fields[field]?.v
    if (typeof v === 'string') return Date.parse(v)
  }
  return deal.createdAt
}

async function makeAccount(tx: Tx, engine: Engine, record: RecordRow): Promise<string> {
  const v = (field: string): Value => record.fields[field]?.v ?? null
  return createRecord(
    tx,
    engine,
    'account',
    { name: v('accountName') ?? v('accountDomain'), domain: v('accountDomain'), 'address.country': v('country') },
    RULES,
  )
}
