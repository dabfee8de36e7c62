import { randomUUID } from 'node:crypto'
import type { Outcome } from '../../connectors/connector.ts'
import type { CrmError } from '../../connectors/errors.ts'
import { type CompiledMapping, isAssociationColumn } from '../../mappings/compile.ts'
import { identityKeys, ruleEntry } from '../../mappings/identity.ts'
import { type CanonicalRow, readRows } from '../../mappings/lens.ts'
import { isBlank, same } from '../../mappings/model/value.ts'
import type { Base, WriteRow } from '../../mappings/state.ts'
import * as conflicts from '../../store/conflicts.ts'
import type { Tx } from '../../store/database.ts'
import * as identity from '../../store/identity.ts'
import * as intents from '../../store/intents.ts'
import * as links from '../../store/links.ts'
import * as queues from '../../store/queues.ts'
import * as records from '../../store/records.ts'
import * as waiting from '../../store/waiting.ts'
import { NO_REFERENCES } from '../references.ts'
import { lensContext } from '../runtime.ts'
import { mergedMeanwhile } from './merged-meanwhile.ts'
import { ANSWERED, commit, errorJson, type Planned, partition, type Work } from './work.ts'

/** A row that a CRM could not take just now is tried again after this. */
export const RETRY_MS = 30_000

/** Records how a batch ended, row by row. */
export async function acknowledge(
  work: Work,
  mapping: CompiledMapping,
  planned: Planned[],
  ids: Map<string, number>,
  outcomes: Outcome[],
  kind: 'create' | 'update',
): Promise<void> {
  const { rt } = work
  const answered = planned.flatMap((p, i) => {
    const o = outcomes[i]!
    return o.ok ? [{ p, o }] : []
  })
  const failed = planned.flatMap((p, i) => {
    const o = outcomes[i]!
    return o.ok ? [] : [{ p, error: o.error }]
  })
  const observed = await observe(work, mapping, answered)
  await commit(
    work,
    async (tx) => {
      // Where another read has settled the write meanwhile, the answer says nothing new; the row is looked at again.
      const openNow = await intents.openWrites(
        tx,
        answered.map(({ p }) => p.link.id),
      )
      const [okAt, late] = partition(answered, ({ p }) => openNow.get(p.link.id) === ids.get(p.link.id))
      await queues.touchInbox(
        tx,
        rt.id,
        late.map(({ o }) => ({ object: mapping.object, externalId: o.id })),
        'a write was answered after it had been settled',
      )
      const [settled, open] = partition(okAt, ({ p }) => isSettledByAnswer(work, mapping, p))
      const overtaken = kind === 'create' ? await mergedMeanwhile(tx, okAt) : new Set<string>()
      await links.updateLinks(
        tx,
        (kind === 'create' ? okAt : settled).map(({ p, o }) => {
          const version = o.snapshot?.version
          return {
            id: p.link.id,
            ...(kind === 'create' && {
              state: overtaken.has(p.link.id) ? ('duplicate' as const) : ('live' as const),
              externalId: o.id,
            }),
            base: observed.get(p.link.id)!,
            // An update's version covers what others wrote since the verify read: only a read may count it as seen.
            ...(version !== undefined && { wrote: version, ...(kind === 'create' && { seen: version }) }),
          }
        }),
      )
      await intents.closeWrites(
        tx,
        settled.map(({ p }) => p.link.id),
      )
      await intents.acknowledgeWrites(
        tx,
        open.map(({ p }) => p.link.id),
      )
      await queues.finishOutbox(
        tx,
        okAt.map(({ p }) => p.outbox),
      )
      await conflicts.dropWholeLetters(
        tx,
        okAt.map(({ p }) => p.link.id),
      )
      if (kind === 'update') await keepKeys(tx, work, mapping, okAt)
      if (kind === 'create') {
        await waiting.wakeWaiting(
          tx,
          rt.id,
          okAt.map(({ o }) => o.id),
        )
      }
      await noteAdjusted(tx, work, okAt, observed)
      await refuse(tx, work, mapping, failed, ids, kind)
    },
    ANSWERED,
  )
  work.counts[kind === 'create' ? 'created' : 'updated'] += answered.length
  if (kind === 'update')
    work.counts.cleared += answered.filter(({ p }) => Object.values(p.fields).some((f) => f.c === null)).length
  work.counts.refused += failed.length
}

/** The natural keys of rows whose identity was written: what they were known by before may be another's by now. */
async function keepKeys(tx: Tx, work: Work, mapping: CompiledMapping, ok: { p: Planned }[]): Promise<void> {
  const names = new Set(mapping.document.identity.flat().map((entry) => ruleEntry(entry).field))
  const renamed = ok.filter(({ p }) => Object.keys(p.fields).some((f) => names.has(f)))
  await identity.putKeys(
    tx,
    work.rt.id,
    mapping.object,
    renamed.map(({ p }) => p.link.externalId!),
    renamed.flatMap(({ p }) =>
      identityKeys(mapping.entity, mapping.document.identity, (f) => p.record.fields[f]?.v ?? null).map((k) => ({
        key: k.key,
        externalId: p.link.externalId!,
        rank: k.rank,
      })),
    ),
    false,
  )
}

/**
 * Whether a successful answer says all there is to know. Salesforce's answers carry neither value nor version, so a
 * read has still to show what it made of the write; its contact roles are no part of that read's version.
 */
const isSettledByAnswer = (work: Work, mapping: CompiledMapping, p: Planned): boolean =>
  work.rt.connector.answersWithRecord ||
  Object.keys(p.fields).every((name) => isAssociationColumn(mapping.byName.get(name)!.column))

/** What the CRM holds after a write: its answer where it gives one, else what was sent (a poll settles it). */
export async function observe(
  work: Work,
  mapping: CompiledMapping,
  ok: { p: Planned; o: Outcome & { ok: true } }[],
): Promise<Map<string, Base>> {
  const ctx = lensContext(work.rt, mapping, NO_REFERENCES)
  const readings = await readRows(
    mapping,
    ok.map(({ p, o }) => ({ ...p.row, ...o.snapshot?.row })),
    ctx,
  )
  return new Map(
    ok.map(({ p, o }, i) => {
      const base: Base = {}
      for (const [name, f] of Object.entries(p.fields)) {
        const reading = o.snapshot && mapping.byName.get(name)?.type !== 'reference' ? readings[i]!.get(name) : undefined
        base[name] = reading && 'value' in reading ? { c: reading.value, r: reading.raw, n: f.n } : { c: f.c, r: f.s, n: f.n }
      }
      if (p.link.state === 'creating') Object.assign(base, unsentOf(mapping, p, readings[i]!))
      return [p.link.id, isSettledByAnswer(work, mapping, p) ? base : {}]
    }),
  )
}

/** Fields that a new row was made without, because the record has no value: what the CRM filled in stays there. */
const unsentOf = (mapping: CompiledMapping, p: Planned, reading: CanonicalRow): Base =>
  Object.fromEntries(
    mapping.fields
      .filter((f) => f.writes && !(f.name in p.fields) && !isAssociationColumn(f.column) && isBlank(p.record.fields[f.name]?.v))
      .map((f) => {
        const now = reading.get(f.name)
        const seen = now && 'value' in now ? { c: now.value, r: now.raw } : { c: null, r: null }
        return [f.name, { ...seen, n: p.record.fields[f.name]?.n ?? 0 }]
      }),
  )

export async function noteAdjusted(
  tx: Tx,
  work: Work,
  ok: { p: Planned; o: Outcome & { ok: true } }[],
  observed: Map<string, Base>,
): Promise<void> {
  await records.appendChanges(
    tx,
    ok.flatMap(({ p }) => {
      const kept = Object.entries(observed.get(p.link.id) ?? {}).filter(
        ([name, b]) => p.fields[name] && !same(b.c, p.fields[name].c),
      )
      if (kept.length === 0) return []
      return [
        {
          recordId: p.record.id,
          connectionId: work.rt.id,
          runId: work.runId,
          kind: 'adjusted' as const,
          origin: work.rt.id,
          version: p.record.version,
          fields: Object.fromEntries(kept.map(([name, b]) => [name, [p.fields[name]!.c, b.c] as [unknown, unknown]])),
        },
      ]
    }),
  )
}

/** Refused rows: the class decides. A blamed field becomes a dead letter and the rest is sent again. */
export async function refuse(
  tx: Tx,
  work: Work,
  mapping: CompiledMapping,
  failed: { p: Planned; error: CrmError }[],
  ids: Map<string, number>,
  kind: WriteRow['kind'],
): Promise<void> {
  if (failed.length === 0) return
  const { rt } = work
  const whole = kind === 'update' ? '(record)' : `(${kind})`
  const unknown = failed.filter(({ error }) => error.class === 'unknown_outcome')
  const certain = failed.filter(({ error }) => error.class !== 'unknown_outcome')
  await intents.refuseWrites(
    tx,
    certain.map(({ p, error }) => ({ linkId: p.link.id, id: ids.get(p.link.id)!, error: errorJson(error) })),
  )
  const letters: conflicts.DeadLetter[] = []
  const reread: { object: string; externalId: string }[] = []
  for (const { p, error } of certain) {
    const blamed = Object.keys(p.fields).filter((name) => {
      const f = mapping.byName.get(name)!
      return error.detail.fields?.includes(f.column) || (f.companion && error.detail.fields?.includes(f.companion))
    })
    const letter = (field: string) => ({
      id: randomUUID(),
      linkId: p.link.id,
      recordId: p.record.id,
      entity: mapping.entity,
      field,
      value: field in p.fields ? p.fields[field]!.c : null,
      class: error.class,
      message: error.message,
    })
    switch (error.class) {
      case 'locked':
      case 'rate_limited':
      case 'unavailable':
      case 'quota_exhausted':
      case 'auth_expired':
        await queues.deferOutbox(tx, [p.link.id], RETRY_MS, { longer: true })
        break
      case 'not_found':
      case 'deleted':
      case 'changed':
        if (p.link.externalId) reread.push({ object: mapping.object, externalId: p.link.externalId })
        await queues.deferOutbox(tx, [p.link.id], 2_000, { longer: true })
        break
      case 'duplicate_value':
      case 'duplicate_rule':
        // The row that holds the value already is read: it may be the record's twin.
        if (error.detail.existingId) reread.push({ object: mapping.object, externalId: error.detail.existingId })
        letters.push(letter(kind === 'update' ? (blamed[0] ?? whole) : whole))
        await queues.finishOutbox(tx, [p.outbox])
        break
      default:
        if (blamed.length > 0) letters.push(...blamed.map(letter))
        else letters.push(letter(whole))
        // The other fields are sent without the blamed ones; a record nobody can blame a field of stays.
        if (
          blamed.length > 0 &&
          !blamed.some((name) => kind === 'create' && mapping.schema.fields[mapping.byName.get(name)!.column]?.required)
        )
          await queues.touchOutboxLinks(tx, [p.link.id])
        else await queues.finishOutbox(tx, [p.outbox])
    }
  }
  await conflicts.putDeadLetters(tx, rt.id, letters)
  await queues.touchInbox(tx, rt.id, reread, 'a write to it was refused')
  const open = unknown.map(({ p }) => p.link.id)
  await intents.stillInFlight(tx, open)
  await queues.deferOutbox(tx, open, work.flightMs)
}
