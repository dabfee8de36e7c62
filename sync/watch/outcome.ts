import type { HistoryAnswer } from '../../connectors/connector.ts'
import { CrmError } from '../../connectors/errors.ts'
import { type CompiledMapping, isAssociationColumn } from '../../mappings/compile.ts'
import type { Outcome } from '../../mappings/state.ts'
import * as intents from '../../store/intents.ts'
import type * as watch from '../../store/watch.ts'
import { type Engine, inTransaction } from '../engine.ts'
import type { Runtime } from '../runtime.ts'
import { canonical } from './canonical.ts'
import { isOurs, SECOND_MS } from './overwritten.ts'

/**
 * What became of writes that got no answer, where the rows show what they showed before and were changed since: ours may
 * have come and been set back, or never have come. The field history tells.
 */
export async function tellOutcomes(
  engine: Engine,
  rt: Runtime,
  mapping: CompiledMapping,
  writes: watch.WatchedWrite[],
): Promise<void> {
  const asked = writes.map((write) => ({
    write,
    fields: Object.keys(write.fields).flatMap((name) => {
      const field = mapping.byName.get(name)
      return field && !isAssociationColumn(field.column) ? [field] : []
    }),
  }))
  let answer: HistoryAnswer
  try {
    answer = await rt.connector.history({
      object: mapping.object,
      ids: [...new Set(writes.map((w) => w.externalId))],
      columns: [...new Set(asked.flatMap((a) => a.fields.map((f) => f.column)))],
      since: Math.min(...writes.map((w) => w.readClock)) - SECOND_MS,
    })
  } catch (error) {
    if (!(error instanceof CrmError)) throw error
    engine.log('warn', `${rt.name}: field history: ${error.message}`)
    // Where the history is not shown at all nobody can tell; else it is asked again.
    if (!error.aboutRequest) return
    answer = { tracked: new Set(), rows: new Map() }
  }
  await inTransaction(engine, async (tx) => {
    const known = asked.flatMap(({ write, fields }) =>
      fields.flatMap((field) => {
        const entries = answer.rows.get(write.externalId)?.get(field.column)
        const since = Math.floor(write.readClock / SECOND_MS) * SECOND_MS
        return entries ? [{ write, field, entries: entries.filter((e) => e.at >= since) }] : []
      }),
    )
    const values = await canonical(
      tx,
      rt,
      mapping,
      known.map(({ field, entries, write }) => {
        const sent = write.fields[field.name]!.s
        return { field, values: entries.map((e) => e.value), beside: Array.isArray(sent) ? (sent[1] ?? null) : null }
      }),
    )
    const landed = new Set(
      known
        .filter(({ write, field, entries }, i) => {
          const { c } = write.fields[field.name]!
          return entries.some((e, n) => isOurs(rt, e, values[i]![n], c))
        })
        .map(({ write }) => write.id),
    )
    const told = new Set(known.map(({ write }) => write.id))
    await intents.tellOutcomes(
      tx,
      writes.map(({ id }): { id: number; verdict: Outcome } => ({
        id,
        verdict: landed.has(id) ? 'landed' : told.has(id) ? 'not_landed' : 'unknown',
      })),
    )
  })
}
