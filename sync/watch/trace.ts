import { chunks } from '../../connectors/connector.ts'
import { CrmError } from '../../connectors/errors.ts'
import { type CompiledMapping, isAssociationColumn } from '../../mappings/compile.ts'
import { same } from '../../mappings/model/value.ts'
import type { Side } from '../../mappings/state.ts'
import * as conflicts from '../../store/conflicts.ts'
import { isWatching } from '../../store/watch.ts'
import { type Engine, inTransaction } from '../engine.ts'
import { judge } from '../merge/policy.ts'
import { resolveConflicts } from '../resolve.ts'
import { mappingOf, namesOf, type Runtime } from '../runtime.ts'
import { canonical } from './canonical.ts'
import { personOf } from './overwritten.ts'

/**
 * Who set the sides of a conflict, and when: a merge knows two reads between which it happened, the CRM's history knows
 * the moment and the name.
 */

/** Conflicts looked at in one turn. */
const CLAIM = 200
/** A history that could not be read is asked for again. */
const AGAIN_MS = 60_000
const BUSY_MS = 2_000
/** Nobody asks for more of a field's past. */
const PAST_MS = 90 * 86_400_000

/** One turn of a connection: open conflicts with a side from it. Those that `latest` can decide by now are settled. */
export async function traceConflicts(engine: Engine, rt: Runtime): Promise<void> {
  const found = await inTransaction(engine, async (tx) =>
    (await isWatching(tx, rt.id)) ? conflicts.untraced(tx, rt.id, CLAIM) : [],
  )
  if (found.length === 0) return
  const decided: { id: string; rev: number }[] = []
  try {
    for (const [entity, ofEntity] of Map.groupBy(found, (f) => f.entity)) {
      const mapping = mappingOf(rt, entity)
      const known = mapping ? ofEntity.filter((f) => hasHistory(mapping, f)) : []
      for (const piece of chunks(known, rt.connector.batch.history))
        decided.push(...(await tracePiece(engine, rt, mapping!, piece)))
    }
    const answers =
      decided.length === 0
        ? []
        : await resolveConflicts(
            engine,
            decided.map((d) => ({ ...d, choice: { judge: 'latest' } })),
            'policy',
          )
    // A write to the record is under way: it is decided the next time.
    const busy = new Set(answers.flatMap((a) => (!a.ok && a.error.code === 'busy' ? [a.id] : [])))
    await inTransaction(engine, async (tx) => {
      await conflicts.traced(
        tx,
        rt.id,
        found.map((f) => f.id).filter((id) => !busy.has(id)),
      )
      if (busy.size > 0) await conflicts.traceLater(tx, rt.id, BUSY_MS)
    })
  } catch (error) {
    // Who it was is worth knowing, and nothing waits for it.
    if (!(error instanceof CrmError)) throw error
    engine.log('warn', `${rt.name}: field history: ${error.message}`)
    await inTransaction(engine, (tx) => conflicts.traceLater(tx, rt.id, AGAIN_MS))
  }
}

const hasHistory = (mapping: CompiledMapping, { field, externalId }: conflicts.Untraced): boolean => {
  const found = mapping.byName.get(field)
  return externalId !== null && found !== undefined && !isAssociationColumn(found.column)
}

async function tracePiece(
  engine: Engine,
  rt: Runtime,
  mapping: CompiledMapping,
  piece: conflicts.Untraced[],
): Promise<{ id: string; rev: number }[]> {
  const fieldOf = (c: conflicts.Untraced) => mapping.byName.get(c.field)!
  const answer = await rt.connector.history({
    object: mapping.object,
    ids: [...new Set(piece.map((c) => c.externalId!))],
    columns: [...new Set(piece.map((c) => fieldOf(c).column))],
    since: Date.now() - PAST_MS,
  })
  return inTransaction(engine, async (tx) => {
    const histories = piece.map((c) => answer.rows.get(c.externalId!)?.get(fieldOf(c).column) ?? [])
    const values = await canonical(
      tx,
      rt,
      mapping,
      piece.map((c, i) => {
        const raw = c.sides.find((s) => s.side === rt.id)?.raw
        return {
          field: fieldOf(c),
          values: histories[i]!.map((e) => e.value),
          beside: Array.isArray(raw) ? (raw[1] ?? null) : null,
        }
      }),
    )
    const told = piece.map((c, i) => {
      const sides = c.sides.map((s): Side => {
        if (s.origin !== rt.id || s.by !== undefined) return s
        const index = values[i]!.findIndex((v) => same(v, s.value))
        const entry = histories[i]![index]
        const by = entry && personOf(rt, entry.by)
        return entry ? { ...s, at: [entry.at, entry.at], ...(by && { by }) } : s
      })
      return { ...c, sides }
    })
    await conflicts.tellSides(tx, told)
    return told.filter((c) => c.kind === 'edit' && c.policy === 'latest' && isDecided(c.sides, engine))
  })
}

/** Whether the times that are known by now tell which of two sides is the later one. */
function isDecided([hub, remote, ...more]: Side[], engine: Engine): boolean {
  if (!hub || !remote || more.length > 0) return false
  return !('undecided' in judge('latest', { hub, remote, namesOf: namesOf(engine.runtimes) }))
}
