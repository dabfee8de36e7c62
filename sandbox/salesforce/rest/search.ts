import { SalesforceError } from '../errors.ts'
import type { Org } from '../org.ts'
import { type Answer, ok, type Request, type Route } from './route.ts'

/** `/search` and `/recent`. */

export const routes: Route[] = [
  ['GET', /^\/recent$/, (org, r) => ok(recent(org, r))],
  ['GET', /^\/search$/, search],
]

function search(org: Org, r: Request): Answer {
  const term = /FIND\s*\{([^}]*)\}/i.exec(r.query.get('q') ?? '')?.[1]?.toLowerCase()
  if (term === undefined)
    throw new SalesforceError('MALFORMED_SEARCH', 'No search term found. The search term must be enclosed in braces.')
  const found = ['Account', 'Contact', 'Opportunity'].flatMap((name) =>
    [...org.table(name).rows.values()]
      .filter(
        (x) =>
          !x.deleted &&
          String(x.values.Name ?? '')
            .toLowerCase()
            .includes(term),
      )
      .slice(0, 20)
      .map((row) => ({
        attributes: { type: name, url: `/services/data/v${r.version}/sobjects/${name}/${row.id}` },
        Id: row.id,
      })),
  )
  return ok(found.length || Number(r.version) >= 37 ? { searchRecords: found } : found)
}

/** What the user changed last, newest first. */
function recent(org: Org, r: Request) {
  const limit = Number(r.query.get('limit') ?? 200)
  return [...org.tables.values()]
    .filter((t) => t.def.fields.has('Name') && t.def.fields.get('OwnerId')?.createable !== false)
    .flatMap((t) =>
      [...t.rows.values()].filter((row) => !row.deleted && row.modifiedBy === r.session.user).map((row) => ({ t, row })),
    )
    .sort((a, b) => b.row.modified - a.row.modified)
    .slice(0, limit)
    .map(({ t, row }) => ({
      attributes: { type: t.def.name, url: `/services/data/v${r.version}/sobjects/${t.def.name}/${row.id}` },
      Id: row.id,
      Name: row.values.Name ?? null,
    }))
}
