import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { rows } from '../store/database.ts'
import { type Engine, inTransaction } from './engine.ts'

/**
 * The duplicate check of records, by identity rules: living records of one entity that hold the same natural
 * key through the same connection are listed for review.
 */
export async function checkMatches(engine: Engine): Promise<number> {
  return inTransaction(engine, async (tx) => {
    const found = await rows(
      tx,
      sql<{
        entity: string
        connectionId: string
        object: string
        externalId: string
        recordIds: string[]
        key: string
      }>`
      with pair as (
        select k.key, l.entity, l.connection_id, l.object, max(l.external_id) as external_id, array_agg(distinct l.record_id) as record_ids
        from natural_key k join link l on l.connection_id = k.connection_id and l.object = k.object and l.external_id = k.external_id and l.state = 'live'
        join record r on r.id = l.record_id and r.deleted_at is null
        where k.rank = 0 group by k.key, l.entity, l.connection_id, l.object having count(distinct l.record_id) > 1 limit 500
      ) select entity, connection_id as "connectionId", object, external_id as "externalId", record_ids as "recordIds", key from pair
      where not exists (select 1 from match m where m.connection_id = pair.connection_id and m.object = pair.object and m.external_id = pair.external_id)`,
    )
    for (const m of found)
      await sql`insert into match (id, entity, connection_id, object, external_id, record_ids, reason, state) values (${randomUUID()}, ${m.entity}, ${m.connectionId}, ${m.object}, ${m.externalId}, ${m.recordIds}::uuid[], ${`they share ${m.key.replace(/^[^:]+:/, '')}`}, 'possible')`.execute(
        tx,
      )
    return found.length
  })
}
