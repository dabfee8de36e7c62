import { isOwnRow } from '../../mappings/state.ts'
import type { Tx } from '../../store/database.ts'
import * as links from '../../store/links.ts'
import type { Planned } from './work.ts'

/**
 * Rows that were made for a record which became one with another meanwhile, and that one has a row: they are second rows
 * of it, listed and never written.
 */
export async function mergedMeanwhile(tx: Tx, made: { p: Planned }[]): Promise<Set<string>> {
  const ids = made.map(({ p }) => p.link.id)
  const held = await links.lockLinks(tx, ids, await links.drawTicket(tx))
  const moved = held.filter((l) => l.state !== 'creating' && l.recordId !== null)
  if (moved.length === 0) return new Set()
  const own = (await links.linksOfRecords(tx, [...new Set(moved.map((l) => l.recordId!))])).filter(
    (l) => isOwnRow(l) && l.state !== 'duplicate' && !moved.some((m) => m.id === l.id),
  )
  const taken = new Set(own.map((l) => `${l.recordId} ${l.connectionId}`))
  return new Set(
    moved
      .filter((l) => {
        const place = `${l.recordId} ${l.connectionId}`
        const second = taken.has(place)
        taken.add(place)
        return second
      })
      .map((l) => l.id),
  )
}
