import type { Base, LinkRow } from '../mappings/state.ts'
import type { Tx } from '../store/database.ts'
import * as links from '../store/links.ts'
import type { ApplyContext, Item } from './batch.ts'

/** References that are blank now and were not when we last saw them, sorted by what became of their target. */
export interface Blanked {
  /** Link -> the base that stands for "the CRM blanked it, because its target went". */
  bases: Map<string, Base>
  /** Rows whose reference points at something that may have gone a moment ago: it is to be read first. */
  doubtful: Set<string>
  targets: { object: string; externalId: string }[]
}

/**
 * A reference that the CRM blanked by itself, because the row it pointed at went, is no person's clear: its base
 * becomes blank, so that it is sent again when its target comes back. A person's clear is one whose target is
 * known to stand, by a read of the same turn.
 */
export async function blankedReferences(
  tx: Tx,
  ctx: ApplyContext,
  items: Map<string, Item>,
  byExternal: ReadonlyMap<string, LinkRow[]>,
): Promise<Blanked> {
  const found = [...items.values()].flatMap((item) => {
    const link = byExternal.get(item.snapshot.id)?.find((l) => l.entity === item.mapping.entity)
    if (!link) return []
    return item.mapping.fields.flatMap((f) => {
      const [now, before] = [item.reading.get(f.name), link.base[f.name]?.c]
      if (f.type !== 'reference' || !now || !('value' in now) || now.value !== null || typeof before !== 'string') return []
      const pointedAt = [link.base[f.name]?.r ?? []].flat().map(String)
      return [{ link: link.id, row: item.snapshot.id, field: f.name, target: before, pointedAt, raw: now.raw }]
    })
  })
  const standing = new Map(
    (await links.standingOn(tx, ctx.rt.id, [...new Set(found.map((f) => f.target))])).map((s) => [s.recordId, s]),
  )
  const out: Blanked = { bases: new Map(), doubtful: new Set(), targets: [] }
  for (const { link, row, field, target, pointedAt, raw } of found) {
    const at = standing.get(target)
    const alive = at && ctx.standing?.get(`${at.object} ${at.externalId}`)
    // The target may have got another row since: what it pointed at is gone all the same.
    const replaced = at !== undefined && pointedAt.length > 0 && !pointedAt.includes(at.externalId) && !pointedAt.includes(target)
    if (!at || replaced || alive === false) out.bases.set(link, { ...out.bases.get(link), [field]: { c: null, r: raw, n: 0 } })
    else if (alive === undefined) {
      out.doubtful.add(row)
      out.targets.push(at)
    }
  }
  return out
}
