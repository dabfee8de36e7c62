import { sql } from 'kysely'
import { rows } from '../store/database.ts'
import { entityCounts, totals } from '../store/queries.ts'
import { lastVerification } from '../store/verifications.ts'
import { inTransaction } from '../sync/engine.ts'
import type { App } from './app.ts'
import { minimumCalls } from './minimum-calls.ts'

/** What one sync came to: the JSON of `--once --json`, and the table people read. */
export interface Summary {
  ok: boolean
  seconds: number
  records: Record<string, { salesforce: number; hubspot: number; canonical: number; linked: number; review: number }>
  written: Record<string, { created: number; updated: number; cleared: number; deleted: number }>
  conflicts: number
  overruled: number
  deadLetters: number
  /** `watch`: calls that looked up what writes had replaced; they are not among those used. */
  calls: Record<string, { used: number; minimum: number; watch: number }>
  verify: {
    compared: number
    fields: number
    differences: number
    unexplained: number
    byReason: Record<string, number>
  } | null
}

export async function summarise(app: App, seconds = Math.round((Date.now() - app.startedAt) / 100) / 10): Promise<Summary> {
  const { engine } = app
  return inTransaction(engine, async (tx) => {
    const counts = await entityCounts(tx)
    const open = await totals(tx)
    const last = await lastVerification(tx)
    const written = await rows(
      tx,
      sql<{ name: string; created: number; updated: number; cleared: number; deleted: number }>`
      select connection.name, count(*) filter (where write.kind = 'create') as created, count(*) filter (where write.kind = 'update') as updated,
        count(*) filter (where write.kind = 'update' and exists (select 1 from jsonb_each(write.fields) f where f.value -> 'c' = 'null')) as cleared, count(*) filter (where write.kind = 'delete') as deleted
      from write join connection on connection.id = write.connection_id where write.refused is null and not exists (select 1 from open_write o where o.write_id = write.id and o.state = 'sent') and write.sent_at >= to_timestamp(${app.startedAt} / 1000.0) group by 1`,
    )
    const [lost] = await rows(tx, sql<{ n: number }>`select count(*) as n from change where kind = 'overruled'`)
    const byKind = (kind: string) => engine.runtimes.find((r) => r.kind === kind)?.name ?? kind
    const none = { created: 0, updated: 0, cleared: 0, deleted: 0 }
    const of = (name: string) => {
      const w = written.find((x) => x.name === name)
      return w ? { created: w.created, updated: w.updated, cleared: w.cleared, deleted: w.deleted } : none
    }
    const verify = (last?.summary as Summary['verify']) ?? null
    const calls: Summary['calls'] = {}
    for (const rt of engine.runtimes)
      calls[rt.kind] = {
        used: app.syncCalls[rt.name] ?? rt.budget.total,
        minimum: (await minimumCalls(tx, rt, { since: app.startedAt })).calls,
        watch: rt.budget.used.watch ?? 0,
      }
    return {
      ok: verify !== null && verify.unexplained === 0,
      seconds,
      records: Object.fromEntries(
        Object.entries(counts).map(([entity, c]) => [
          entity,
          {
            salesforce: c.connections[byKind('salesforce')] ?? 0,
            hubspot: c.connections[byKind('hubspot')] ?? 0,
            canonical: c.canonical,
            linked: c.linked,
            review: c.review,
          },
        ]),
      ),
      written: { salesforce: of(byKind('salesforce')), hubspot: of(byKind('hubspot')) },
      conflicts: open.conflicts,
      overruled: lost!.n,
      deadLetters: open.deadLetters,
      calls,
      verify,
    }
  })
}
