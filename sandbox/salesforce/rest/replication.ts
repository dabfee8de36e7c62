import { SalesforceError } from '../errors.ts'
import type { Org } from '../org.ts'
import { wireTime } from '../values.ts'
import { type Answer, ok, type Request, type Route } from './route.ts'

/** `/sobjects/X/updated` and `/deleted`: ids by time of change. */

export const routes: Route[] = [
  ['GET', /^\/sobjects\/(\w+)\/updated$/, updated],
  ['GET', /^\/sobjects\/(\w+)\/deleted$/, deleted],
]

function span(r: Request): [number, number] {
  const [start, end] = [r.query.get('start'), r.query.get('end')].map((t) => Date.parse((t ?? '').replace(' ', '+'))) as [
    number,
    number,
  ]
  if (Number.isNaN(start) || Number.isNaN(end))
    throw new SalesforceError('INVALID_REPLICATION_DATE', 'start and end are required')
  // Seconds are ignored.
  return [Math.floor(start / 60_000) * 60_000, Math.ceil(end / 60_000) * 60_000]
}

function updated(org: Org, r: Request, name?: string): Answer {
  const [start, end] = span(r)
  return ok({
    ids: org
      .changedSince(org.table(name!).def.name, start)
      .filter((x) => !x.deleted && x.stamp <= end)
      .map((x) => x.id),
    latestDateCovered: wireTime(Math.min(end, Math.floor(org.clock.now() / 60_000) * 60_000)),
  })
}

function deleted(org: Org, r: Request, name?: string): Answer {
  const [start, end] = span(r)
  const rows = org.changedSince(org.table(name!).def.name, start).filter((x) => x.deleted && x.stamp <= end)
  return ok({
    deletedRecords: rows.map((x) => ({ deletedDate: wireTime(x.stamp), id: x.id })),
    earliestDateAvailable: wireTime(Math.floor((org.clock.now() - 30 * 86_400_000) / 60_000) * 60_000),
    latestDateCovered: wireTime(Math.min(end, Math.floor(org.clock.now() / 60_000) * 60_000)),
  })
}
