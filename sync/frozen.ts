import { ENTITIES, type Entity, type FieldDef, MODEL } from '../mappings/model/model.ts'
import type { RecordRow } from '../mappings/state.ts'
import type { Tx } from '../store/database.ts'
import * as links from '../store/links.ts'
import * as queues from '../store/queues.ts'
import * as records from '../store/records.ts'
import { EditRefused } from './edit.ts'
import type { Engine } from './engine.ts'
import type { Runtime } from './runtime.ts'

/** Records that wait for a person: deleted on one side and edited on the other, or deleted above living children. */

/** Reference fields by which an entity's rows stand below a partner or an account. */
export const CHILD_REFERENCES: { entity: Entity; field: string }[] = (
  ['account', 'contact', 'deal', 'registration'] as const
).flatMap((entity) =>
  Object.entries(MODEL[entity] as Record<string, FieldDef>)
    .filter(([, def]) => def.to?.some((to) => to === 'partner' || to === 'account'))
    .map(([field]) => ({ entity, field })),
)

/** Whether rows of other entities stand below its own. */
export const hasChildren = (entity: Entity): boolean => entity === 'partner' || entity === 'account'

/**
 * Rows below each of these records that still stand on a connection, counted by entity. A CRM may delete them
 * with their parent (Salesforce does), or leave them without one.
 *
 * @param except records whose rows go as well.
 */
export async function livingChildren(
  tx: Tx,
  rt: Runtime,
  parents: string[],
  except: string[] = [],
): Promise<Map<string, string>> {
  const found = await links.childrenOf(tx, rt.id, CHILD_REFERENCES, parents, except)
  return new Map(
    [...Map.groupBy(found, (f) => f.parent)].map(([parent, rows]) => [
      parent,
      ENTITIES.flatMap((entity) => {
        const n = rows.find((r) => r.entity === entity)?.count ?? 0
        return n === 0 ? [] : [`${n} ${entity}${n === 1 ? '' : 's'}`]
      }).join(' and '),
    ]),
  )
}

/** Deletes that waited for children which are gone by now, or have another parent, go on by themselves. */
export async function thawParents(tx: Tx, all: readonly Runtime[]): Promise<void> {
  const waiting = await records.frozenAs(tx, 'children')
  if (waiting.length === 0) return
  const standing = Map.groupBy(
    (await links.linksOfRecords(tx, waiting)).filter((l) => l.state === 'live'),
    (l) => l.connectionId,
  )
  let held = new Set<string>()
  for (const rt of all) {
    const here = (standing.get(rt.id) ?? []).map((l) => l.recordId!)
    held = held.union(new Set((await livingChildren(tx, rt, here)).keys()))
  }
  const free = waiting.filter((id) => !held.has(id))
  await records.thaw(tx, free)
  await queues.touchOutbox(tx, free)
}

/**
 * A person's answer to a frozen record. `delete` deletes its rows on every side, edited or not, with what the CRM
 * deletes below them. `keep` brings it back: the sides that lost their row get a new one, and the edits are merged.
 *
 * @throws EditRefused when there is no such record, or it waits for nobody.
 */
export async function decideFrozen(tx: Tx, engine: Engine, id: string, decision: 'delete' | 'keep'): Promise<void> {
  const [record] = await records.lockRecords(tx, [id])
  if (!record) throw new EditRefused('not_found', `there is no record ${id}`)
  if (!record.frozen) throw new EditRefused('not_frozen', `record ${id} is not frozen: there is nothing to decide`)
  await records.thaw(tx, [id])
  await records.appendChanges(tx, [
    {
      recordId: id,
      connectionId: null,
      runId: null,
      kind: decision === 'delete' ? 'delete' : 'restore',
      origin: 'person',
      version: record.version + 1,
      fields: {},
    },
  ])
  if (decision === 'delete') {
    await records.tombstone(tx, [id])
    await records.approveDelete(tx, id)
    await queues.touchOutbox(tx, [id])
    return
  }
  await records.revive(tx, id)
  for (const rt of engine.runtimes) {
    const mapping = rt.mappings.find((m) => m.entity === record.entity)
    if (mapping?.document.write && mapping.document.externalId) await links.fanOut(tx, rt.id, mapping.object, record.entity, [id])
  }
  // Rows that were to be made when it was deleted are to be made again.
  await queues.touchOutbox(tx, [id])
  await askForChildren(tx, engine, record)
  // What the living rows hold now was not looked at while the record was frozen.
  for (const link of await links.linksOfRecords(tx, [id]))
    if (link.state === 'live' && link.externalId)
      await queues.touchInbox(
        tx,
        link.connectionId,
        [{ object: link.object, externalId: link.externalId }],
        'a person decided to keep the record',
      )
}

/** Every field by which a record may be pointed at. */
const POINTING = (entity: Entity): { entity: Entity; field: string }[] =>
  ENTITIES.flatMap((from) =>
    Object.entries(MODEL[from] as Record<string, FieldDef>)
      .filter(([, def]) => def.to?.includes(entity))
      .map(([field]) => ({ entity: from, field })),
  )

/** Rows that point at a record that gets new rows: what a CRM blanked in them when the old row went is to be sent again. */
export async function askForChildren(tx: Tx, engine: Engine, { id, entity }: RecordRow): Promise<void> {
  const living = new Set((await links.linksOfRecords(tx, [id])).filter((l) => l.state === 'live').map((l) => l.connectionId))
  for (const rt of engine.runtimes)
    if (!living.has(rt.id))
      await queues.touchInbox(tx, rt.id, await links.childRows(tx, rt.id, POINTING(entity), id), 'its parent gets a new row')
}
