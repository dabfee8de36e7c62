import { randomUUIDv7 } from 'node:crypto'
import { type Entity, fieldDef } from '../mappings/model/model.ts'
import { isBlank, same, type Value } from '../mappings/model/value.ts'
import type { FieldState, RecordRow } from '../mappings/state.ts'
import * as conflicts from '../store/conflicts.ts'
import type { Tx } from '../store/database.ts'
import * as lanes from '../store/lanes.ts'
import * as links from '../store/links.ts'
import * as queues from '../store/queues.ts'
import * as records from '../store/records.ts'
import type { Engine } from './engine.ts'

/** Edits of records through the API: a change like any other, which the push lanes carry to the CRMs. */

/** An edit that cannot be made; the code is for machines, the message for people. */
export class EditRefused extends Error {
  override name = 'EditRefused'
  readonly code: 'not_found' | 'deleted' | 'stale' | 'frozen' | 'not_frozen' | 'conflict' | 'settled' | 'busy' | 'invalid'
  readonly present: Record<string, Value> | undefined
  readonly version: number | undefined

  constructor(code: EditRefused['code'], message: string, present?: Record<string, Value>, version?: number) {
    super(message)
    this.code = code
    this.present = present
    this.version = version
  }
}

const ORIGIN = 'api'

/** @param origin in whose name. */
export async function createRecord(
  tx: Tx,
  engine: Engine,
  entity: Entity,
  values: Record<string, Value>,
  origin = ORIGIN,
): Promise<string> {
  if (entity === 'lead') throw new EditRefused('invalid', 'leads are read from the CRMs and not written: make it there')
  if (Object.values(values).every(isBlank)) throw new EditRefused('invalid', 'a record needs at least one field with a value')
  await checkReferences(tx, entity, undefined, values)
  const id = randomUUIDv7()
  const now = await lanes.databaseNow(tx)
  const fields = Object.fromEntries(
    Object.entries(values)
      .filter(([, v]) => !isBlank(v))
      .map(([name, v]) => [name, { v, n: 1, o: origin, t: [now, now] } satisfies FieldState]),
  )
  await records.insertRecords(tx, [{ id, entity, fields }])
  await records.appendChanges(tx, [
    {
      recordId: id,
      connectionId: null,
      runId: null,
      kind: 'create',
      origin,
      version: 1,
      fields: Object.fromEntries(Object.entries(fields).map(([n, f]) => [n, [null, f.v]])),
    },
  ])
  for (const rt of engine.runtimes) {
    const mapping = rt.mappings.find((m) => m.entity === entity)
    if (mapping?.document.write && mapping.document.externalId) await links.fanOut(tx, rt.id, mapping.object, entity, [id])
  }
  return id
}

/** Changes fields of a record that is still at the version the caller saw. Answers the new version. */
export async function editRecord(
  tx: Tx,
  id: string,
  version: number | undefined,
  values: Record<string, Value>,
): Promise<number> {
  const record = await living(tx, id)
  const present = Object.fromEntries(Object.entries(record.fields).map(([n, f]) => [n, f.v]))
  if (version !== undefined && version !== record.version)
    throw new EditRefused(
      'stale',
      `record ${id} is at version ${record.version}, not ${version}; look at its present values and try again`,
      present,
      record.version,
    )
  await checkReferences(tx, record.entity, id, values)
  const open = new Set((await conflicts.openConflicts(tx, [id])).map((c) => c.field))
  const frozen = Object.keys(values).find((name) => open.has(name))
  if (frozen)
    throw new EditRefused(
      'conflict',
      `${frozen} of record ${id} is in an open conflict; resolve that, or bring both CRMs to the same value`,
    )
  return setFields(tx, record, values, ORIGIN)
}

/** Gives fields of a locked record new values, in whoever's name. Answers the version it then has. */
export async function setFields(tx: Tx, record: RecordRow, values: Record<string, Value>, origin: string): Promise<number> {
  const { id } = record
  const now = await lanes.databaseNow(tx)
  const changed = Object.entries(values).filter(([name, v]) => !same(record.fields[name]?.v ?? null, v))
  if (changed.length === 0) return record.version
  const fields = Object.fromEntries(
    changed.map(([name, v]) => [
      name,
      { v, n: (record.fields[name]?.n ?? 0) + 1, o: origin, t: [now, now] } satisfies FieldState,
    ]),
  )
  await records.updateRecords(tx, [{ id, fields }])
  await records.appendChanges(tx, [
    {
      recordId: id,
      connectionId: null,
      runId: null,
      kind: 'update',
      origin,
      version: record.version + 1,
      fields: Object.fromEntries(changed.map(([name, v]) => [name, [record.fields[name]?.v ?? null, v]])),
    },
  ])
  await queues.touchOutbox(tx, [id])
  return record.version + 1
}

export async function deleteRecord(tx: Tx, id: string, version: number | undefined): Promise<void> {
  const record = await living(tx, id)
  if (version !== undefined && version !== record.version)
    throw new EditRefused('stale', `record ${id} is at version ${record.version}, not ${version}`, undefined, record.version)
  await records.tombstone(tx, [id])
  await records.appendChanges(tx, [
    {
      recordId: id,
      connectionId: null,
      runId: null,
      kind: 'delete',
      origin: ORIGIN,
      version: record.version + 1,
      fields: {},
    },
  ])
  await queues.touchOutbox(tx, [id])
}

/** What a record points at must be there, be of the right kind, and not be itself. */
async function checkReferences(tx: Tx, entity: Entity, own: string | undefined, values: Record<string, Value>): Promise<void> {
  const wanted = Object.entries(values).flatMap(([field, value]) => {
    const def = fieldDef(entity, field)
    const to = def?.type === 'partners' ? ['partner'] : def?.to
    const ids = def?.type === 'partners' ? ((value ?? []) as { partner: string }[]).map((p) => p.partner) : [value]
    return to ? ids.filter((v) => typeof v === 'string').map((id) => ({ field, id, to })) : []
  })
  const found = new Map((await records.readRecords(tx, [...new Set(wanted.map((w) => w.id))])).map((r) => [r.id, r]))
  for (const { field, id, to } of wanted) {
    const target = found.get(id)
    if (!target || target.deleted || !to.includes(target.entity) || id === own)
      throw new EditRefused(
        'invalid',
        `${field}: ${id === own ? 'a record cannot point at itself' : `there is no ${to.join(' or ')} ${id}`}`,
      )
  }
}

async function living(tx: Tx, id: string) {
  const [record] = await records.lockRecords(tx, [id])
  if (!record) throw new EditRefused('not_found', `there is no record ${id}`)
  if (record.deleted) throw new EditRefused('deleted', `record ${id} was deleted`)
  if (record.frozen) throw new EditRefused('frozen', `record ${id} is frozen: ${record.frozen}`)
  return record
}
