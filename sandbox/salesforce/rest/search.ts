import { SalesforceError } from '../errors.ts'
import type { Org } from '../org.ts'
import { type Answer, ok, type Request, type Route } from './route.ts'

/** `/search` and `/recent`. */

export const routes: Route[] = [
  [
    'GET',
    /^\/recent$/,
    (org, r) =>
      ok(
        [...org.table('Account').rows.values()].slice(0, 2).map((row) => ({
          attributes: { type: 'Account', url: `/services/data/v${r.version}/sobjects/Account/${row.id}` },
          Id: row.id,
          Name: row.values.Name,
        })),
      ),
  ],
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
