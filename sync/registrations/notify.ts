import { randomUUIDv7 } from 'node:crypto'
import { dateIn, startOfDate } from '../../mappings/dates.ts'
import type { RecordRow } from '../../mappings/state.ts'
import type { Tx } from '../../store/database.ts'
import * as notifications from '../../store/notifications.ts'
import * as records from '../../store/records.ts'
import { TOLD } from './assess.ts'
import type { Held } from './held.ts'
import { isOpen, type State } from './lifecycle.ts'
import type { Rules } from './rules.ts'
import type { Step } from './transit.ts'

/** Who is told of what: rows, noted in the transaction in which it happened. */

const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/
const DAY_MS = 86_400_000

interface Message {
  kind: string
  /** Beside the registration, what makes it the only one. */
  once: string
  to: readonly string[]
  subject: string
  body: string
  about?: string | null
}

/** A decision is needed, was made, or was taken back. */
export async function stateChanged(tx: Tx, rules: Rules, held: Held, step: Step, now: number): Promise<void> {
  const { registration, record } = held
  const name = nameOf(record)
  const messages: Message[] = []
  if (step.to === 'under_review')
    messages.push({
      kind: 'decision_needed',
      once: 'decision_needed',
      to: await managers(tx, rules, registration.partnerId),
      subject: `Decision needed: ${name}`,
      body: `The registration ${name} waits for a decision${registration.dueAt ? ` until ${registration.dueAt.toISOString()}` : ''}: ${step.why}.`,
      about: about(held),
    })
  else {
    const decided = `${step.to} ${registration.decidedAt?.getTime() ?? ''}`
    const submitter = record.fields.submittedBy?.v
    if (typeof submitter === 'string' && EMAIL.test(submitter))
      messages.push({
        kind: step.to,
        once: `${decided} partner`,
        to: [submitter],
        subject: `Your registration ${name}: ${step.to}`,
        body: step.told ?? TOLD[step.to],
      })
    const owner = await ownerOf(tx, about(held))
    if (owner && step.to !== 'rejected')
      messages.push({
        kind: step.to,
        once: `${decided} owner`,
        to: [owner],
        subject: `Registration ${step.to}: ${name}`,
        body: `The registration ${name} is ${step.to}: ${step.why}.`,
        about: about(held),
      })
  }
  await note(tx, rules, held, messages, now)
}

/** Something has come to light beside a registration that waits. */
export async function foundSince(tx: Tx, rules: Rules, held: Held, now: number): Promise<void> {
  const { registration, record } = held
  if (!isOpen(registration.state as State) || !registration.decision) return
  await note(
    tx,
    rules,
    held,
    [
      {
        kind: 'found_since',
        once: `found ${registration.decision.why}`,
        to: await managers(tx, rules, registration.partnerId),
        subject: `Changed: ${nameOf(record)}`,
        body: `What stands beside the registration ${nameOf(record)} has changed: ${registration.decision.why}.`,
        about: about(held),
      },
    ],
    now,
  )
}

/** The clock: three quarters of the time are over, or all of it. */
export async function clockRan(tx: Tx, rules: Rules, held: Held, what: 'remind' | 'breach', now: number): Promise<void> {
  const { registration, record } = held
  const due = registration.dueAt?.toISOString() ?? ''
  const own = await managers(tx, rules, registration.partnerId)
  const late = what === 'breach'
  await note(
    tx,
    rules,
    held,
    [
      {
        kind: late ? 'breached' : 'reminder',
        once: `${what} ${due}`,
        to: late ? [...new Set([...own, ...rules.decision.escalateTo])] : own,
        subject: `${late ? 'Overdue' : 'Due soon'}: ${nameOf(record)}`,
        body: `The registration ${nameOf(record)} ${late ? 'should have been' : 'is to be'} decided by ${due}${registration.decision ? `: ${registration.decision.why}` : ''}.`,
        about: about(held),
      },
    ],
    now,
  )
}

const nameOf = (record: RecordRow): string =>
  [record.fields.accountName?.v ?? record.fields.accountDomain?.v, record.fields.dealName?.v ?? record.fields.product?.v]
    .filter((x) => typeof x === 'string')
    .join(' / ') || record.id

/** The record on which people look: the deal, else the likeliest account. */
function about({ registration }: Held): string | null {
  if (registration.dealId) return registration.dealId
  const found = (registration.findings as { entity: string; recordId: string }[]).find(
    (f) => f.entity === 'deal' || f.entity === 'account',
  )
  return found?.recordId ?? null
}

async function managers(tx: Tx, rules: Rules, partnerId: string | null): Promise<string[]> {
  const [partner] = partnerId ? await records.readRecords(tx, [partnerId]) : []
  const own = partner?.fields.manager?.v
  return typeof own === 'string' && EMAIL.test(own) ? [own] : [...rules.notify.managers]
}

async function ownerOf(tx: Tx, recordId: string | null): Promise<string | undefined> {
  const [record] = recordId ? await records.readRecords(tx, [recordId]) : []
  const owner = record?.fields.owner?.v
  return typeof owner === 'string' && EMAIL.test(owner) ? owner : undefined
}

async function note(tx: Tx, rules: Rules, { record }: Held, messages: readonly Message[], now: number): Promise<void> {
  const { channels } = rules.notify
  const on = notifications.CHANNELS.filter((c) => channels[c])
  await notifications.insertNotifications(
    tx,
    messages.flatMap((m) =>
      m.to.map((addressee) => ({
        id: randomUUIDv7(),
        once: `${record.id} ${m.once} ${addressee}`,
        kind: m.kind,
        addressee,
        recordId: record.id,
        about: m.about ?? null,
        subject: m.subject,
        body: m.body,
        link: `/api/v1/registrations/${record.id}`,
      })),
    ),
    on,
    afterQuiet(rules, now),
  )
}

/** When something may be sent: now, or when the quiet hours are over. */
export function afterQuiet(rules: Rules, now: number): number {
  const { quiet } = rules.notify
  if (!quiet) return now
  const { timeZone } = rules.calendar
  const midnight = startOfDate(timeZone, dateIn(timeZone, now))
  const since = now - midnight
  const [from, to] = quiet
  if (from <= to) return since >= from && since < to ? midnight + to : now
  // Over midnight: 20:00 to 07:00.
  if (since < to) return midnight + to
  return since >= from ? startOfDate(timeZone, dateIn(timeZone, midnight + DAY_MS + DAY_MS / 2)) + to : now
}
