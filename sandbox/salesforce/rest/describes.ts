import { describe, describeGlobalEntry } from '../describe.ts'
import { ok, type Route } from './route.ts'

/** What there is: resources, objects, and their describes. */

export const routes: Route[] = [
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
      ok({
        encoding: 'UTF-8',
        maxBatchSize: 200,
        sobjects: [...org.tables.values()].map((t) => describeGlobalEntry(t.def, r.version)),
      }),
  ],
  ['GET', /^\/sobjects\/(\w+)\/describe$/, (org, r, name) => ok(describe(org, org.table(name!).def, r.version))],
  [
    'GET',
    /^\/sobjects\/(\w+)$/,
    (org, r, name) => ok({ objectDescribe: describeGlobalEntry(org.table(name!).def, r.version), recentItems: [] }),
  ],
]
