import type { Command } from 'commander'
import { withApi } from './client.ts'
import { addListing } from './listing.ts'
import { type Finish, type JsonOption, json, print, printJson } from './output.ts'
import { short } from './print.ts'

/** `concordat dead-letters`: list, retry. */
export function addDeadLetters(program: Command, finish: Finish): void {
  const letters = program.command('dead-letters').description('Values that a CRM refused')
  addListing(
    letters.command('list', { isDefault: true }).description('List them; exit 2 when there are any'),
    {
      path: '/api/v1/dead-letters',
      none: 'No dead letters.',
      head: ['id', 'where', 'entity', 'field', 'value', 'why'],
      row: (r) => [
        String(r.id),
        `${r.connection} ${r.externalId ?? '(new)'}`,
        String(r.entity),
        String(r.field),
        short(r.value, 30),
        short(r.message, 70),
      ],
    },
    finish,
  )
  json(letters.command('retry').argument('<id>').description('Send it again')).action(async (id: string, o: JsonOption) => {
    const done = await withApi({ crms: false }, (send) => send('POST', `/api/v1/dead-letters/${encodeURIComponent(id)}/retry`))
    if (o.json) printJson(done)
    else print('Queued again.')
  })
}
