import type { Value } from '../../mappings/model/value.ts'
import * as lanes from '../../store/lanes.ts'
import * as registrations from '../../store/registrations.ts'
import { createRecord, EditRefused } from '../edit.ts'
import { type Engine, inTransaction } from '../engine.ts'
import { checkRegistration } from './check.ts'

/** What a partner says about the deal that is to be protected; the fields of the canonical registration that are his. */
export const SUBMITTED = [
  'partner',
  'submittedBy',
  'accountName',
  'accountDomain',
  'country',
  'contactName',
  'contactEmail',
  'contactPhone',
  'dealName',
  'product',
  'amount',
  'expectedCloseDate',
] as const

/**
 * Submits a registration and checks it at once. It is stored before it is checked: should this process end in between, the
 * check is made by whoever looks next.
 *
 * @returns the registration's id, which is its record's.
 * @throws EditRefused when it names no account or no partner, or a partner that is not there.
 */
export async function submit(engine: Engine, values: Record<string, Value>): Promise<string> {
  const foreign = Object.keys(values).find((name) => !(SUBMITTED as readonly string[]).includes(name))
  if (foreign) throw new EditRefused('invalid', `${foreign} is not submitted: it follows from the check and the decision`)
  if (!values.partner) throw new EditRefused('invalid', 'partner is missing: say who registers the deal')
  if (!values.accountName && !values.accountDomain)
    throw new EditRefused('invalid', 'accountName or accountDomain is missing: say which company it is about')
  const id = await inTransaction(engine, async (tx) => {
    const now = new Date(await lanes.databaseNow(tx)).toISOString()
    const made = await createRecord(tx, engine, 'registration', { ...values, status: 'submitted', submittedAt: now })
    await registrations.demandChecks(tx, [made])
    return made
  })
  await checkRegistration(engine, id, 0)
  return id
}
