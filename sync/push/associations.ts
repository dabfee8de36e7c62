import { randomUUID } from 'node:crypto'
import type { AssociationChange, Outcome } from '../../connectors/connector.ts'
import { CrmError } from '../../connectors/errors.ts'
import { type CompiledMapping, isAssociationColumn } from '../../mappings/compile.ts'
import * as conflicts from '../../store/conflicts.ts'
import type { Tx } from '../../store/database.ts'
import * as intents from '../../store/intents.ts'
import * as queues from '../../store/queues.ts'
import { acknowledge, RETRY_MS } from './answers.ts'
import { commit, type Planned, type Work } from './work.ts'

/** A row that was written, and whose associations follow. */
export interface Following {
  planned: Planned
  writeId: number
  outcome: Outcome
}

export const hasAssociations = (p: Planned): boolean => Object.keys(p.row).some(isAssociationColumn)

/** Associations of rows that were made just now: their intent says that they had still to follow. */
export async function followCreates(work: Work, mapping: CompiledMapping, following: Following[]): Promise<void> {
  if (following.length === 0) return
  const failures = await writeAssociations(
    work,
    mapping,
    following.map((f) => f.planned),
    true,
  )
  await commit(work, (tx) =>
    intents.followed(
      tx,
      following.filter((f) => !failures.has(f.planned)).map((f) => f.writeId),
    ),
  )
}

/** Associations of rows that were changed, and with them the answer for the whole row: what failed is told apart. */
export async function followUpdates(work: Work, mapping: CompiledMapping, following: Following[]): Promise<void> {
  if (following.length === 0) return
  const failures = await writeAssociations(
    work,
    mapping,
    following.map((f) => f.planned),
  )
  const whole = following.map((f) => (failures.has(f.planned) ? withoutAssociated(mapping, f.planned) : f.planned))
  await acknowledge(
    work,
    mapping,
    whole,
    new Map(following.map((f) => [f.planned.link.id, f.writeId])),
    following.map((f) => f.outcome),
    'update',
  )
  if (failures.size > 0) await commit(work, (tx) => keepFailures(tx, work, mapping, failures))
}

const isApart = (mapping: CompiledMapping, name: string) => isAssociationColumn(mapping.byName.get(name)!.column)

const withoutAssociated = (mapping: CompiledMapping, p: Planned): Planned => ({
  ...p,
  fields: Object.fromEntries(Object.entries(p.fields).filter(([name]) => !isApart(mapping, name))),
})

/** Associations that were not written: tried again, after what stands there was read, or listed where that is no use. */
async function keepFailures(
  tx: Tx,
  work: Work,
  mapping: CompiledMapping,
  failures: ReadonlyMap<Planned, CrmError>,
): Promise<void> {
  const letters: conflicts.DeadLetter[] = []
  for (const [p, error] of failures)
    if (error.aboutRequest)
      for (const [name, f] of Object.entries(p.fields))
        if (isApart(mapping, name))
          letters.push({
            id: randomUUID(),
            linkId: p.link.id,
            recordId: p.record.id,
            entity: mapping.entity,
            field: name,
            value: f.c,
            class: error.class,
            message: error.message,
          })
  await conflicts.putDeadLetters(tx, work.rt.id, letters)
  for (const [unknown, of] of Map.groupBy([...failures], ([, error]) => error.class === 'unknown_outcome')) {
    const linkIds = of.map(([p]) => p.link.id)
    await queues.touchOutboxLinks(tx, linkIds)
    await queues.deferOutbox(tx, linkIds, unknown ? work.flightMs : RETRY_MS)
  }
}

/**
 * Writes association columns: what to point to, and what no more. A call that fails as a whole fails its rows.
 *
 * @param fresh the rows were made a moment ago and have none yet.
 */
export async function writeAssociations(
  work: Work,
  mapping: CompiledMapping,
  planned: Planned[],
  fresh = false,
): Promise<Map<Planned, CrmError>> {
  const failures = new Map<Planned, CrmError>()
  const columns = [...new Set(planned.flatMap((p) => Object.keys(p.row).filter(isAssociationColumn)))]
  for (const column of columns) {
    const field = mapping.fields.find((f) => f.column === column)!
    const affected = planned.filter((p) => column in p.row)
    const changes = affected.map((p): AssociationChange => {
      const now = [p.row[column] ?? []].flat().map(String)
      const before = [p.fields[field.name]?.b ?? []].flat().map(String)
      return {
        id: p.link.externalId!,
        add: now.filter((x) => !before.includes(x)),
        remove: before.filter((x) => !now.includes(x)),
      }
    })
    try {
      const results = await work.rt.connector.associate({ object: mapping.object, column, changes, fresh })
      results.forEach((r, i) => {
        if (!r.ok) failures.set(affected[i]!, r.error)
      })
    } catch (error) {
      if (!(error instanceof CrmError)) throw error
      for (const p of affected) failures.set(p, error)
    }
  }
  return failures
}
