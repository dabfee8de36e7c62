import { HubspotError } from '../errors.ts'
import type { Portal } from '../portal.ts'
import type { Request } from './route.ts'

/** The scope a request needs, where an app can lack it. */
const NEEDED: [path: RegExp, scope: (read: boolean, type: string) => string][] = [
  [/^\/(?:crm\/v3\/schemas|crm-object-schemas\/)/, (read) => (read ? 'custom-object-read' : 'custom-object-write')],
  [/^\/crm\/(?:v3\/objects|objects\/20\d\d-\d\d)\/([a-z_]+)/, (read, type) => `crm.objects.${type}.${read ? 'read' : 'write'}`],
]
const READING = /\/(?:search|batch\/read)$/

/** @throws HubspotError when the app was not granted what the request needs. */
export function checkScopes(portal: Portal, r: Request): void {
  if (portal.withheld.size === 0) return
  for (const [path, scope] of NEEDED) {
    const match = path.exec(r.path)
    if (!match) continue
    const needed = scope(r.method === 'GET' || READING.test(r.path), match[1] ?? '')
    if (portal.withheld.has(needed))
      throw new HubspotError(403, 'MISSING_SCOPES', 'One or more of the following scopes are required.', {
        context: { requiredGranularScopes: [needed], links: ['https://developers.hubspot.com/scopes'] },
      })
  }
}
