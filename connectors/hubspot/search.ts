import type { ChangesPage, ChangesRequest, FindRequest, Snapshot } from '../connector.ts'
import type { HubspotClient } from './client.ts'
import { SEARCH_CAP, SEARCH_PAGE } from './limits.ts'
import { pageAnswer, propertiesOf, toSnapshots } from './wire.ts'

/** What HubSpot's search answers: rows changed since a time, and rows by a value. */

/**
 * One search page after another, cut into time windows below the cap.
 *
 * @param modified the property with the time of the last change; it differs between objects.
 */
export async function changes(
  client: HubspotClient,
  { object, columns, since }: ChangesRequest,
  modified: string,
): Promise<ChangesPage> {
  const filters = since.id
    ? // More rows share one instant than a search can page through: go on by id within it.
      [
        { propertyName: modified, operator: 'EQ', value: String(since.version) },
        { propertyName: 'hs_object_id', operator: 'GT', value: since.id },
      ]
    : [{ propertyName: modified, operator: 'GTE', value: String(since.version) }]
  const snapshots: Snapshot[] = []
  let after: string | undefined
  do {
    const { body, clock } = await client.request(
      { kind: 'search', idempotent: true, what: `changes of ${object}` },
      {
        method: 'POST',
        path: `/crm/v3/objects/${object}/search`,
        body: {
          filterGroups: [{ filters }],
          sorts: [{ propertyName: since.id ? 'hs_object_id' : modified, direction: 'ASCENDING' }],
          properties: propertiesOf(columns),
          limit: SEARCH_PAGE,
          ...(after && { after }),
        },
      },
      pageAnswer,
    )
    snapshots.push(...toSnapshots(body.results, columns, clock))
    after = body.paging?.next?.after
  } while (after && Number(after) + SEARCH_PAGE <= SEARCH_CAP)
  const last = snapshots.at(-1)
  if (!after || !last) {
    if (since.id) return { object, snapshots, next: { version: since.version + 1, id: '' } }
    return { object, snapshots, ...(last && { upTo: { version: last.version, id: '' } }) }
  }
  const next =
    since.id || last.version === since.version
      ? { version: last.version, id: since.id ? last.id : '0' }
      : { version: last.version, id: '' }
  return { object, snapshots, next }
}

/** Rows whose column has one of the values. */
export async function find(client: HubspotClient, { object, column, values, columns }: FindRequest): Promise<Snapshot[]> {
  const { body, clock } = await client.request(
    { kind: 'search', idempotent: true, what: `find ${object} by ${column}` },
    {
      method: 'POST',
      path: `/crm/v3/objects/${object}/search`,
      body: {
        filterGroups: [
          {
            // Search finds text only by its lower-case form.
            filters: [{ propertyName: column, operator: 'IN', values: values.map((v) => v.toLowerCase()) }],
          },
        ],
        properties: propertiesOf([...columns, column]),
        limit: SEARCH_PAGE,
      },
    },
    pageAnswer,
  )
  return toSnapshots(body.results, [...columns, column], clock)
}
