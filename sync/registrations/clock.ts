import type { Tx } from '../../store/database.ts'
import * as records from '../../store/records.ts'
import * as registrations from '../../store/registrations.ts'
import { type Engine, inTransaction } from '../engine.ts'
import { rulesNow } from './check.ts'
import type { Held, Versioned } from './held.ts'
import * as notify from './notify.ts'
import { transit } from './transit.ts'

/** What time brings about: reminders, escalations, the end of protection. */

const BATCH = 100

/** One look at the clock. @param now milliseconds: the database's clock, a test's own. */
export async function runClock(engine: Engine, now: number): Promise<number> {
  const due = await inTransaction(engine, (tx) => registrations.timedOut(tx, now, BATCH))
  for (const { recordId, what } of due)
    await inTransaction(engine, async (tx) => {
      const [record] = await records.lockRecords(tx, [recordId])
      const registration = await registrations.lockRegistration(tx, recordId)
      if (!record || !registration) return
      const held = { record, registration }
      const versioned = await rulesNow(tx)
      if (what === 'expire') return expire(tx, engine, versioned, held, now)
      // Another process may have seen it at the same moment.
      if (what === 'remind' ? registration.reminded : registration.breached) return
      await registrations.changeRegistration(tx, recordId, what === 'remind' ? { reminded: true } : { breached: true })
      if (what === 'breach')
        await registrations.appendEvent(tx, {
          recordId,
          what: 'breached',
          from: null,
          to: null,
          by: 'clock',
          why: `it was not decided by ${registration.dueAt?.toISOString()}`,
          rules: versioned.version,
          evidence: null,
        })
      await notify.clockRan(tx, versioned.rules, held, what, now)
    })
  return due.length
}

async function expire(tx: Tx, engine: Engine, versioned: Versioned, held: Held, now: number): Promise<void> {
  const { registration } = held
  if (registration.state !== 'approved' || !registration.protectedUntil || registration.protectedUntil.getTime() > now) return
  await transit(
    tx,
    engine,
    versioned,
    held,
    {
      to: 'expired',
      role: 'rules',
      by: 'clock',
      why: `its protection ended on ${registration.protectedUntil.toISOString().slice(0, 10)}`,
      rule: 'protection.lasts',
    },
    now,
  )
}

/** Protection ends with the deal, where the rules say so: the account and product are free again. */
export async function releaseLost(tx: Tx, engine: Engine, dealIds: readonly string[], now: number): Promise<void> {
  const ids = await registrations.ofDeals(tx, dealIds)
  if (ids.length === 0) return
  const versioned = await rulesNow(tx)
  if (!versioned.rules.protection.endsWithLostDeal) return
  for (const id of ids) {
    const [record] = await records.lockRecords(tx, [id])
    const registration = await registrations.lockRegistration(tx, id)
    if (record && registration?.state === 'approved')
      await transit(
        tx,
        engine,
        versioned,
        { record, registration },
        { to: 'expired', role: 'rules', by: 'rules', why: 'its deal was lost', rule: 'protection.endsWithLostDeal' },
        now,
      )
  }
}
