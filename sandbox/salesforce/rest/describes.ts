import { describe, describeGlobalEntry, describeHeaders } from '../describe.ts'
import type { Org } from '../org.ts'
import { type Answer, ok, type Request, type Route } from './route.ts'

/** What there is: resources, objects, and their describes. */

export const routes: Route[] = [
  // Experience sites: this org has none.
  ['GET', /^\/connect\/communities$/, () => ok({ communities: [], total: 0 })],
  [
    'GET',
    /^$/,
    (_, r) =>
      ok(
        Object.fromEntries(
          [
            'tooling',
            'metadata',
            'eclair',
            'folders',
            'jsonxform',
            'appMenu',
            'quickActions',
            'prechatForms',
            'query',
            'queryAll',
            'composite',
            'parameterizedSearch',
            'search',
            'identity',
            'sobjects',
            'limits',
            'recent',
            'jobs',
          ].map((k) => [
            k,
            k === 'identity' ? `https://login.salesforce.com/id/${r.session.user}` : `/services/data/v${r.version}/${k}`,
          ]),
        ),
      ),
  ],
  [
    'GET',
    /^\/sobjects$/,
    (org, r) =>
      unlessUnchanged(org, r, () => ({
        encoding: 'UTF-8',
        maxBatchSize: 200,
        sobjects: [...org.tables.values()].map((t) => describeGlobalEntry(t.def, r.version)),
      })),
  ],
  [
    'GET',
    /^\/sobjects\/(\w+)\/describe$/,
    (org, r, name) => unlessUnchanged(org, r, () => describe(org, org.table(name!).def, r.version)),
  ],
  [
    'GET',
    /^\/sobjects\/(\w+)$/,
    (org, r, name) =>
      ok({ objectDescribe: describeGlobalEntry(org.table(name!).def, r.version), recentItems: recentItems(org, r, name!) }),
  ],
]

/** Describes are cached by date: 304 when nothing changed since. */
function unlessUnchanged(org: Org, r: Request, body: () => unknown): Answer {
  const headers = describeHeaders(org)
  const since = r.headers['if-modified-since']
  if (since && Math.floor(org.schemaChanged / 1000) * 1000 <= Date.parse(since)) return { status: 304, headers }
  return { status: 200, body: body(), headers }
}

/** The rows of an object that changed last. */
function recentItems(org: Org, r: Request, name: string) {
  const { def, rows } = org.table(name)
  return [...rows.values()]
    .filter((row) => !row.deleted)
    .sort((a, b) => b.modified - a.modified)
    .slice(0, 5)
    .map((row) => ({
      attributes: { type: def.name, url: `/services/data/v${r.version}/sobjects/${def.name}/${row.id}` },
      Id: row.id,
      Name: row.values.Name ?? null,
    }))
}
