import type { ChangesPage, ChangesRequest, Cursor, Snapshot } from '../connector.ts'
import type { HubspotClient } from './client.ts'
import { SEARCH_PAGE } from './limits.ts'
import { pageAnswer, propertiesOf, toSnapshots } from './wire.ts'

/** What HubSpot's search answers: rows changed since a time. */

/** Rows after which a poll stores what it has before it goes on. */
const AT_ONCE = 2_000

/**
 * One search page after another, up to what a poll stores at once.
 *
 * @param modified the property with the time of the last change; it differs between objects.
 */
export async function changes(
  client: HubspotClient,
  { object, columns, since }: ChangesRequest,
  modified: string,
): Promise<ChangesPage> {
  const found = new Map<string, Snapshot>()
  const page = async (from: Cursor): Promise<Snapshot[]> => {
    const { body, clock } = await client.request(
      { kind: 'search', what: `changes of ${object}` },
      {
        method: 'POST',
        path: `/crm/v3/objects/${object}/search`,
        body: {
          filterGroups: [{ filters: filtersOf(from, modified) }],
          sorts: [{ propertyName: from.id ? 'hs_object_id' : modified, direction: 'ASCENDING' }],
          properties: propertiesOf(columns),
          limit: SEARCH_PAGE,
        },
      },
      pageAnswer,
    )
    return toSnapshots(body.results, columns, clock)
  }
  // Every page begins where the one before ended, by time: a row that is edited meanwhile leaves its place in the order,
  // and pages that were counted would pass over another one.
  for (let from = since; ; ) {
    const snapshots = await page(from)
    for (const s of snapshots) found.set(s.id, s)
    const last = snapshots.at(-1)
    const all = [...found.values()]
    if (snapshots.length < SEARCH_PAGE || !last) {
      if (from.id) return { object, snapshots: all, next: { version: from.version + 1, id: '' } }
      return { object, snapshots: all, ...(last && { upTo: { version: last.version, id: '' } }) }
    }
    // More rows share one instant than a page holds: go on by id within it.
    const instant = from.id !== '' || last.version === from.version
    from = { version: last.version, id: from.id ? last.id : instant ? '0' : '' }
    if (found.size >= AT_ONCE) return { object, snapshots: all, next: from }
  }
}

/** Rows changed since a time, or, with an id, those of one instant. */
const filtersOf = ({ version, id }: Cursor, modified: string) =>
  id
    ? [
        { propertyName: modified, operator: 'EQ', value: String(version) },
        { propertyName: 'hs_object_id', operator: 'GT', value: id },
      ]
    : [{ propertyName: modified, operator: 'GTE', value: String(version) }]
