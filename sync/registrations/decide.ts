import type { Tx } from '../../store/database.ts'
import * as lanes from '../../store/lanes.ts'
import * as records from '../../store/records.ts'
import * as registrations from '../../store/registrations.ts'
import { EditRefused } from '../edit.ts'
import { type Engine, inTransaction } from '../engine.ts'
import { keysOfSubject, subjectOf } from '../match/canonical.ts'
import { checkRegistration, rulesNow } from './check.ts'
import type { Held, Versioned } from './held.ts'
import { isOpen, type Role, type State } from './lifecycle.ts'
import { lookBeside } from './rivals.ts'
import { tell, transit } from './transit.ts'

/** What people decide about registrations. */

const DAY_MS = 86_400_000

export interface Decision {
  to: Extract<State, 'approved' | 'rejected' | 'withdrawn' | 'under_review'>
  role: Extract<Role, 'manager' | 'partner'>
  by: string
  why: string
  /** What the partner is told; left out, a plain word. */
  tell?: string | undefined
}

/** @throws EditRefused when there is no such registration, or it does not become that. */
export const decide = (engine: Engine, id: string, decision: Decision): Promise<void> =>
  withRegistration(engine, id, async (tx, versioned, held, now) => {
    if (decision.to === 'approved') await makeRoom(tx, engine, versioned, held, now)
    await transit(tx, engine, versioned, held, { ...decision, told: decision.tell }, now)
  })

/**
 * One that is approved is the protected one. Another that is protected already stands in the way; one that came first and
 * waits for its decision comes second now.
 */
async function makeRoom(
  tx: Tx,
  engine: Engine,
  { rules }: Versioned,
  { record, registration }: Held,
  now: number,
): Promise<void> {
  const subject = subjectOf('registration', record.id, record.fields)
  if (!subject || !isOpen(registration.state as State)) return
  await registrations.holdKeys(tx, engine.workspace, keysOfSubject('registration', subject))
  const { holder } = await lookBeside(tx, { record, subject, registration }, rules, now)
  if (!holder) return
  const [other] = await registrations.readRegistrations(tx, [holder])
  if (other?.state === 'approved')
    throw new EditRefused(
      'conflict',
      `registration ${holder} is approved and protected for this account and product: withdraw it first, or reject this one`,
    )
  await registrations.demandChecks(tx, [holder])
}

/** Protects for longer, as the rules allow. @returns until when. */
export const extend = async (engine: Engine, id: string, { by, why }: { by: string; why: string }): Promise<string> => {
  let until = ''
  await withRegistration(engine, id, async (tx, { rules, version }, held) => {
    const { registration, record } = held
    const { most, days } = rules.protection.extensions
    if (registration.state !== 'approved' || !registration.protectedUntil)
      throw new EditRefused(
        'conflict',
        `registration ${id} is ${registration.state}: only an approved one is protected for longer`,
      )
    if (registration.extensions >= most)
      throw new EditRefused(
        'conflict',
        `registration ${id} was extended ${registration.extensions} times; the rules allow ${most}`,
      )
    const protectedUntil = new Date(registration.protectedUntil.getTime() + days * DAY_MS)
    until = protectedUntil.toISOString().slice(0, 10)
    await registrations.changeRegistration(tx, id, { protectedUntil, extensions: registration.extensions + 1 })
    await registrations.appendEvent(tx, {
      recordId: id,
      what: 'extended',
      from: registration.protectedUntil.toISOString(),
      to: protectedUntil.toISOString(),
      by,
      why,
      rules: version,
      evidence: { rule: `protection.extensions: most ${most}, ${days} days` },
    })
    await tell(tx, { record, registration }, { protectedUntil: until })
  })
  return until
}

async function withRegistration(
  engine: Engine,
  id: string,
  work: (tx: Tx, versioned: Versioned, held: Held, now: number) => Promise<void>,
): Promise<void> {
  await inTransaction(engine, async (tx) => {
    const [record] = await records.lockRecords(tx, [id])
    const registration = record && (await registrations.lockRegistration(tx, id))
    if (!record || !registration) throw new EditRefused('not_found', `there is no registration ${id}`)
    if (record.deleted) throw new EditRefused('deleted', `registration ${id} was deleted`)
    await work(tx, await rulesNow(tx), { record, registration }, await lanes.databaseNow(tx))
  })
  // Those that its decision has made room for, or put in second place.
  for (const { recordId, rev } of await inTransaction(engine, (tx) => registrations.dueChecks(tx, 20)))
    await checkRegistration(engine, recordId, rev)
}
