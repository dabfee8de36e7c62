import type { Command } from 'commander'
import { withApi } from './client.ts'
import { type Finish, type JsonOption, json, type List, print, printJson, type Row } from './output.ts'
import { table } from './print.ts'

/** A list of things that wait for a person. */
interface Listing {
  path: string
  /** What is said when there are none. */
  none: string
  head: string[]
  row: (item: Row) => (string | number)[]
}

/** Makes a command list what the API has at a path; it ends with 2 when there is anything. */
export function addListing(command: Command, { path, none, head, row }: Listing, finish: Finish): void {
  json(command.option('--limit <n>', '', '50')).action(async (o: JsonOption & { limit: string }) => {
    const { items, next } = (await withApi({ crms: false }, (send) =>
      send('GET', `${path}?limit=${encodeURIComponent(o.limit)}`),
    )) as List
    if (o.json) printJson({ items, next })
    else print(items.length === 0 ? none : table(head, items.map(row)))
    finish(items.length > 0 ? 2 : 0)
  })
}
