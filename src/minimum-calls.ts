import { sql } from 'kysely'
import { isAssociationColumn } from '../mappings/compile.ts'
import { rows, type Tx } from '../store/database.ts'
import { readObjects } from '../store/lanes.ts'
import type { Runtime } from '../sync/runtime.ts'

/** One term of the least number of calls, for people to check. */
export interface CallTerm {
  what: string
  calls: number
}

/**
 * The least number of calls with which a connection's sync could have been done since a moment, term by term: its
 * rows in full pages, the associations of those that have any mapped, every written row once to see and once to
 * write, changed associations, and describe and login. Objects that were read before are only asked for changes.
 *
 * @param since milliseconds
 * @param meta whether login and describe belong to what is measured
 */
export async function minimumCalls(
  tx: Tx,
  rt: Runtime,
  { since = 0, meta = true }: { since?: number; meta?: boolean } = {},
): Promise<{ calls: number; terms: CallTerm[] }> {
  const { batch, associationsApart } = rt.connector
  const objects = await readObjects(tx, rt.id)
  const readBefore = rt.objects.filter((o) => objects[o] && objects[o].began > 0 && objects[o].began < since)
  const read = await rows(
    tx,
    sql<{ object: string; n: number; products: number }>`
    select link.object, count(*) filter (where not exists (select 1 from write w where w.link_id = link.id and w.kind = 'create')) as n,
      count(*) filter (where jsonb_typeof(record.fields -> 'product' -> 'v') = 'array') as products
    from link left join record on record.id = link.record_id where link.connection_id = ${rt.id} and link.external_id is not null group by 1`,
  )
  const written = await rows(
    tx,
    sql<{ object: string; kind: string; n: number }>`
    select link.object, write.kind, count(*) as n from write join link on link.id = write.link_id where write.connection_id = ${rt.id} and write.sent_at >= to_timestamp(${since} / 1000.0) group by 1, 2`,
  )
  const associated = await rows(
    tx,
    sql<{ object: string; kind: string; field: string; n: number; removed: number }>`
    select link.object, write.kind, f.key as field, count(*) as n, count(*) filter (where jsonb_typeof(f.value -> 'b') = 'array' and f.value -> 'b' <> '[]') as removed
    from write join link on link.id = write.link_id, jsonb_each(write.fields) f
    where write.connection_id = ${rt.id} and write.sent_at >= to_timestamp(${since} / 1000.0) group by 1, 2, 3`,
  )
  const changed = await rows(
    tx,
    sql<{ object: string; n: number }>`
    select link.object, count(distinct link.id) as n from change join link on link.record_id = change.record_id and link.connection_id = ${rt.id}
    where change.origin = ${rt.id} and change.kind = 'update' and change.at >= to_timestamp(${since} / 1000.0) group by 1`,
  )
  const terms: CallTerm[] = meta
    ? [
        { what: 'login', calls: rt.budget.used.token ?? 0 },
        { what: 'describe, users, account', calls: rt.budget.used.meta ?? 0 },
      ]
    : []
  const term = (what: string, rowCount: number, size: number, times = 1, least = 0) => {
    const calls = Math.max(least, times * Math.ceil(rowCount / size))
    if (calls > 0) terms.push({ what: `${what}: ${times > 1 ? `${times} x ` : ''}${rowCount} / ${size}`, calls })
  }
  if (readBefore.length > 0) term('changes asked for', readBefore.length, batch.changes)
  for (const object of rt.objects) {
    const again = readBefore.includes(object)
    const { n = 0, products = 0 } = again
      ? { n: changed.find((c) => c.object === object)?.n ?? 0 }
      : (read.find((r) => r.object === object) ?? {})
    if (!again) term(`${object} read`, n, batch.list, 1, 1)
    const mappings = rt.mappings.filter((m) => m.object === object)
    const fields = mappings.flatMap((m) => m.fields.filter((f) => isAssociationColumn(f.column)))
    if (associationsApart) {
      for (const to of new Set(fields.map((f) => f.column.slice(1).split('#')[0]!))) {
        term(`${object} to ${to} read`, n, batch.associations)
        if (to === 'line_items') term(`${to} of ${object} read`, products, batch.readByIds)
      }
    }
    for (const w of written.filter((x) => x.object === object)) {
      const size = w.kind === 'create' ? batch.create : w.kind === 'delete' ? batch.remove : batch.update
      term(`${object} ${w.kind}d`, w.n, size, 2)
    }
    for (const a of associated.filter((x) => x.object === object && fields.some((f) => f.name === x.field)))
      if (!(associationsApart && a.kind === 'create')) {
        if (a.kind === 'update') term(`${object} ${a.field} seen before it is written`, a.n, batch.associations)
        term(`${object} ${a.field} written`, a.n, batch.associate)
        if (associationsApart) term(`${object} ${a.field} removed`, a.removed, batch.associate)
      }
  }
  return { calls: terms.reduce((sum, t) => sum + t.calls, 0), terms }
}
