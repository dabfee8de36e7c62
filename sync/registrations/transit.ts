import type { Value } from '../../mappings/model/value.ts'
import * as conflicts from '../../store/conflicts.ts'
import type { Tx } from '../../store/database.ts'
import * as index from '../../store/match-index.ts'
import * as records from '../../store/records.ts'
import * as registrations from '../../store/registrations.ts'
import { EditRefused, setFields } from '../edit.ts'
import type { Engine } from '../engine.ts'
import { keysOfSubject, subjectOf } from '../match/canonical.ts'
import { TOLD } from './assess.ts'
import { giveDeal } from './deal.ts'
import { type Held, RULES, type Versioned } from './held.ts'
import { holdsItsPlace, isOpen, mayBecome, type Role, type State } from './lifecycle.ts'
import * as notify from './notify.ts'
import { CLAIM } from './rivals.ts'

/** A registration goes from one state to another: who, when, why, and what follows from it. */

const DAY_MS = 86_400_000

export interface Step {
  to: State
  role: Role
  /** A person's name, a connection's, or `rules`. */
  by: string
  why: string
  /** What the partner is told. */
  told?: string | undefined
  rule?: string
  evidence?: unknown
  /** The record says so already: a person has set it in a CRM. */
  said?: boolean
}

/** @throws EditRefused when the one state does not become the other, or not by such a person. */
export async function transit(
  tx: Tx,
  engine: Engine,
  { rules, version }: Versioned,
  held: Held,
  step: Step,
  now: number,
): Promise<void> {
  const { registration, record } = held
  const from = registration.state as State
  if (!mayBecome(from, step.to, step.role))
    throw new EditRefused(
      'conflict',
      `registration ${record.id} is ${from}, and does not become ${step.to}${from === step.to ? ' again' : ''}`,
    )
  const told = step.told ?? TOLD[step.to]
  const decided = isOpen(from) && !isOpen(step.to)
  const approved = step.to === 'approved'
  const protectedUntil = approved ? new Date(now + rules.protection.lasts * DAY_MS) : undefined
  const change: registrations.RegistrationChange = {
    state: step.to,
    decision: { rule: step.rule ?? 'a person decided', why: step.why, told },
    ...(version !== null && { rules: version }),
    ...(decided && { decidedAt: new Date(now), remindAt: null, dueAt: null }),
    ...(protectedUntil && { protectedUntil }),
    // What is over is no more behind anybody.
    ...(!isOpen(step.to) && { behind: null }),
  }
  await registrations.changeRegistration(tx, record.id, change)
  Object.assign(registration, change)
  await registrations.appendEvent(tx, {
    recordId: record.id,
    what: 'state',
    from,
    to: step.to,
    by: step.by,
    why: step.why,
    rules: version,
    evidence: { rule: step.rule ?? null, ...(step.evidence !== undefined && { found: step.evidence }) },
  })
  if (approved) {
    // Whoever is told to approve one that came second gives it the place.
    if (registration.standing !== 'first') await changeStanding(tx, held, 'first', null)
    registration.dealId = await giveDeal(tx, engine, held, rules, now)
    await registrations.changeRegistration(tx, record.id, { dealId: registration.dealId })
  }
  await tell(tx, held, {
    status: step.to,
    ...(decided && { decidedAt: new Date(now).toISOString() }),
    ...(protectedUntil && { protectedUntil: protectedUntil.toISOString().slice(0, 10) }),
    ...(registration.dealId && { deal: registration.dealId }),
    ...(!(step.said && record.fields.reason?.v) && { reason: told }),
  })
  await putKeys(tx, held)
  if (!holdsItsPlace(step.to)) await registrations.demandChecks(tx, await registrations.behind(tx, record.id))
  await notify.stateChanged(tx, rules, held, step, now)
}

/** Says on the registration's own record, and so in both CRMs, what became of it. A field that is in conflict is left. */
export async function tell(tx: Tx, { record }: Held, values: Record<string, Value>): Promise<void> {
  const open = new Set((await conflicts.openConflicts(tx, [record.id])).map((c) => c.field))
  if (record.frozen !== null || record.deleted) return
  const [fresh] = await records.lockRecords(tx, [record.id])
  const free = Object.fromEntries(Object.entries(values).filter(([name]) => !open.has(name)))
  if (fresh) await setFields(tx, fresh, free, RULES)
}

/** First, or second behind another: an event, since money depends on it. */
export async function changeStanding(tx: Tx, held: Held, standing: 'first' | 'second', behind: string | null): Promise<void> {
  const { registration, record } = held
  if (registration.standing === standing && registration.behind === behind) return
  const before = registration.standing
  Object.assign(registration, { standing, behind })
  await registrations.changeRegistration(tx, record.id, { standing, behind })
  if (before !== standing)
    await registrations.appendEvent(tx, {
      recordId: record.id,
      what: 'standing',
      from: before,
      to: standing,
      by: RULES,
      why: standing === 'first' ? 'nobody is before it' : 'another registration for this account and product came first',
      rules: registration.rules,
      evidence: behind ? { behind } : null,
    })
}

/** A registration is found by others as long as it is to be decided or protected; and by its claim when it came first. */
export async function putKeys(tx: Tx, { record, registration }: Held): Promise<void> {
  const state = registration.state as State
  const subject = record.deleted ? undefined : subjectOf('registration', record.id, record.fields)
  const keys = subject && holdsItsPlace(state) ? keysOfSubject('registration', subject) : []
  const claims = registration.standing === 'first' ? keys.map((k) => `${CLAIM}${k}`) : []
  await index.putIndexed(tx, [{ recordId: record.id, entity: 'registration', keys: [...keys, ...claims], terms: [] }])
}
