import type { RecordRow } from '../../mappings/state.ts'
import type { Tx } from '../../store/database.ts'
import * as lanes from '../../store/lanes.ts'
import * as records from '../../store/records.ts'
import * as registrations from '../../store/registrations.ts'
import { type Engine, inTransaction } from '../engine.ts'
import { keysOfSubject, subjectOf } from '../match/canonical.ts'
import { assess } from './assess.ts'
import { after } from './business-time.ts'
import { type Held, RULES, type Versioned } from './held.ts'
import { holdsItsPlace, isOpen, mayBecome, STATES, type State } from './lifecycle.ts'
import * as notify from './notify.ts'
import { lookBeside } from './rivals.ts'
import { bandOf, calendarOf, DEFAULT_RULES_TEXT, parseRules } from './rules.ts'
import { changeStanding, putKeys, tell, transit } from './transit.ts'

/**
 * The check of a registration: who was first, what stands beside it, what the rules say. It runs when one is submitted,
 * wherever that was, and again whenever it, what it waits behind, or an account or deal like its own has changed. Doing it
 * twice changes nothing.
 */

/** The rules that count now. */
export async function rulesNow(tx: Tx): Promise<Versioned> {
  const current = await registrations.currentRules(tx)
  const parsed = parseRules(current?.text ?? DEFAULT_RULES_TEXT)
  if ('problems' in parsed)
    throw new Error(`rules version ${current?.version}: line ${parsed.problems[0]!.line}: ${parsed.problems[0]!.message}`)
  return { rules: parsed.rules, version: current?.version ?? null }
}

/** Checks one registration in a transaction of its own. */
export const checkRegistration = (engine: Engine, id: string, rev?: number): Promise<void> =>
  inTransaction(engine, async (tx) => {
    await check(tx, engine, id)
    if (rev !== undefined) await registrations.finishCheck(tx, id, rev)
  })

/** Registrations looked at in one turn. */
const TURN = 100

/** One turn: those that wait, in the order in which they came. One that fails is put off, and stops no other. */
export async function checkDue(engine: Engine): Promise<{ checked: number; more: boolean }> {
  const due = await inTransaction(engine, (tx) => registrations.dueChecks(tx, TURN))
  for (const { recordId, rev } of due) {
    try {
      await checkRegistration(engine, recordId, rev)
    } catch (error) {
      engine.log('error', `registration ${recordId} could not be checked and is tried again: ${(error as Error).message}`, {
        stack: (error as Error).stack,
      })
      await inTransaction(engine, (tx) => registrations.putOffCheck(tx, recordId))
    }
  }
  return { checked: due.length, more: due.length === TURN }
}

async function check(tx: Tx, engine: Engine, id: string): Promise<void> {
  const [record] = await records.lockRecords(tx, [id])
  if (record?.entity !== 'registration') return
  const versioned = await rulesNow(tx)
  const now = await lanes.databaseNow(tx)
  const held = await hold(tx, versioned, record)
  if (!held) return
  if (record.deleted) return withdrawDeleted(tx, engine, versioned, held, now)
  await followRequest(tx, engine, versioned, held, now)
  const state = held.registration.state as State
  if (!holdsItsPlace(state)) return putKeys(tx, held)
  const subject = subjectOf('registration', id, record.fields)
  if (!subject) return lacksAccount(tx, engine, versioned, held, now)
  await registrations.holdKeys(tx, engine.workspace, keysOfSubject('registration', subject))
  await place(tx, engine, versioned, held, subject, now)
}

/** Under the locks of its keys: its place in the order, what stands beside it, and what follows. */
async function place(
  tx: Tx,
  engine: Engine,
  versioned: Versioned,
  held: Held,
  subject: NonNullable<ReturnType<typeof subjectOf>>,
  now: number,
): Promise<void> {
  const { record, registration } = held
  const { rules, version } = versioned
  await describe(tx, held)
  const first = registration.seq === null
  const beside = await lookBeside(tx, { record, subject, registration }, rules, now)
  if (first) {
    registration.seq = await registrations.nextPlace(tx)
    await registrations.changeRegistration(tx, record.id, { seq: registration.seq })
  }
  // One that waits for the same and came before this one has its turn first.
  const before = beside.holder ?? beside.earlier[0]
  const approved = registration.state === 'approved'
  if (!approved) await changeStanding(tx, held, before ? 'second' : 'first', before ?? null)
  if (!beside.holder && beside.earlier[0]) await registrations.demandChecks(tx, beside.earlier)
  await putKeys(tx, held)
  registration.findings = beside.rivals
  await registrations.changeRegistration(tx, record.id, { findings: beside.rivals, rules: version })
  if (first)
    await registrations.appendEvent(tx, {
      recordId: record.id,
      what: 'checked',
      from: null,
      to: null,
      by: RULES,
      why: beside.rivals.length === 0 ? 'nothing stands beside it' : `${beside.rivals.length} found beside it`,
      rules: version,
      evidence: { seq: registration.seq, found: beside.rivals },
    })
  if (approved) return
  await startClock(tx, versioned, held)
  const partner = registration.partnerId ? (await records.readRecords(tx, [registration.partnerId]))[0] : undefined
  const verdict = assess(
    {
      state: registration.state as State,
      standing: registration.standing as 'first' | 'second',
      hasPartner: partner !== undefined && !partner.deleted,
      partnerTier: (partner?.fields.tier?.v as string | undefined) ?? null,
      amount: (record.fields.amount?.v as { amount: string; currency: string } | undefined) ?? null,
    },
    beside.rivals,
    rules,
  )
  if (verdict.next)
    await transit(
      tx,
      engine,
      versioned,
      held,
      {
        to: verdict.next,
        role: 'rules',
        by: RULES,
        why: verdict.why,
        told: verdict.told,
        rule: verdict.rule,
        evidence: beside.rivals,
      },
      now,
    )
  else if (verdict.told !== registration.decision?.told || verdict.why !== registration.decision?.why) {
    const decision = { rule: verdict.rule, why: verdict.why, told: verdict.told }
    await registrations.changeRegistration(tx, record.id, { decision })
    await tell(tx, held, { reason: verdict.told })
    Object.assign(registration, { decision })
    await notify.foundSince(tx, rules, held, now)
  }
}

/** The registration of a record, made where there is none yet. One that a CRM holds as decided already is history. */
async function hold(tx: Tx, { version }: Versioned, record: RecordRow): Promise<Held | undefined> {
  const found = await registrations.lockRegistration(tx, record.id)
  if (found) return { record, registration: found }
  if (record.deleted) return undefined
  const said = record.fields.status?.v
  const state = STATES.find((s) => s === said) ?? 'submitted'
  const started = isOpen(state) ? 'submitted' : state
  await registrations.insertRegistration(tx, record.id, started)
  await registrations.appendEvent(tx, {
    recordId: record.id,
    what: 'submitted',
    from: null,
    to: started,
    by: record.fields.submittedBy?.v?.toString() ?? record.fields.accountName?.o ?? 'api',
    why: isOpen(state) ? 'submitted' : `it was ${state} before it came here`,
    rules: version,
    evidence: null,
  })
  const registration = (await registrations.lockRegistration(tx, record.id))!
  const until = record.fields.protectedUntil?.v
  if (state === 'approved')
    await registrations.changeRegistration(tx, record.id, {
      standing: 'first',
      protectedUntil: typeof until === 'string' ? new Date(`${until}T23:59:59Z`) : null,
      dealId: (record.fields.deal?.v as string | undefined) ?? null,
    })
  return { record, registration: state === 'approved' ? (await registrations.lockRegistration(tx, record.id))! : registration }
}

/** What partner and product it is about, as its record says now. */
async function describe(tx: Tx, { record, registration }: Held): Promise<void> {
  const partnerId = (record.fields.partner?.v as string | undefined) ?? null
  const product = (record.fields.product?.v as string | undefined) ?? null
  if (partnerId === registration.partnerId && product === registration.product) return
  Object.assign(registration, { partnerId, product })
  await registrations.changeRegistration(tx, record.id, { partnerId, product })
}

/** A person has set another state in a CRM, or through the API: that is a decision like any other, or is set back. */
async function followRequest(tx: Tx, engine: Engine, versioned: Versioned, held: Held, now: number): Promise<void> {
  const { record, registration } = held
  const status = record.fields.status
  const state = registration.state as State
  const wanted = STATES.find((s) => s === status?.v)
  if (wanted === state) return
  const rt = engine.runtimes.find((r) => r.id === status?.o)
  const by = rt?.name ?? status?.o ?? 'api'
  if (wanted && status?.o !== RULES && mayBecome(state, wanted, 'manager')) {
    const why = record.fields.reason?.v
    await transit(
      tx,
      engine,
      versioned,
      held,
      {
        to: wanted,
        role: 'manager',
        by,
        why: typeof why === 'string' && why !== registration.decision?.told ? why : `set to ${wanted} in ${by}`,
        said: true,
      },
      now,
    )
    return
  }
  if (status && status.o !== RULES)
    await registrations.appendEvent(tx, {
      recordId: record.id,
      what: 'set back',
      from: state,
      to: null,
      by,
      why: `${state} does not become ${status.v ?? 'blank'}`,
      rules: versioned.version,
      evidence: null,
    })
  await tell(tx, held, { status: state })
}

async function withdrawDeleted(tx: Tx, engine: Engine, versioned: Versioned, held: Held, now: number): Promise<void> {
  if (!mayBecome(held.registration.state as State, 'withdrawn', 'rules')) return putKeys(tx, held)
  await transit(tx, engine, versioned, held, { to: 'withdrawn', role: 'rules', by: RULES, why: 'its record was deleted' }, now)
}

/** Nobody can tell what it is about: a person asks. */
async function lacksAccount(tx: Tx, engine: Engine, versioned: Versioned, held: Held, now: number): Promise<void> {
  await startClock(tx, versioned, held)
  if (held.registration.state !== 'submitted') return
  const why = 'it names no account'
  await transit(
    tx,
    engine,
    versioned,
    held,
    {
      to: 'under_review',
      role: 'rules',
      by: RULES,
      why,
      told: 'It names no account: please say which company it is about.',
      rule: 'account',
    },
    now,
  )
}

/** From its first check on the clock runs: in working time, of the workspace's calendar. */
async function startClock(tx: Tx, { rules }: Versioned, { record, registration }: Held): Promise<void> {
  if (registration.dueAt !== null || !isOpen(registration.state as State)) return
  const amount = (record.fields.amount?.v as { amount: string; currency: string } | undefined) ?? null
  const { decideWithin } = bandOf(rules, amount) ?? rules.decision.bands[0]!
  const calendar = calendarOf(rules)
  const since = registration.submittedAt.getTime()
  const clock = {
    remindAt: new Date(after(calendar, since, decideWithin * rules.decision.remindAfter)),
    dueAt: new Date(after(calendar, since, decideWithin)),
  }
  Object.assign(registration, clock)
  await registrations.changeRegistration(tx, record.id, clock)
  await tell(tx, { record, registration }, { submittedAt: registration.submittedAt.toISOString() })
}
