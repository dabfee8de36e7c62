import { Argument, type Command } from 'commander'
import { withApi } from './client.ts'
import { addListing } from './listing.ts'
import { type Finish, type JsonOption, json, print, printJson } from './output.ts'
import { short } from './print.ts'

/** `concordat frozen`: list, decide. */
export function addFrozen(program: Command, finish: Finish): void {
  const frozen = program.command('frozen').description('Records that were deleted on one side and stand in the way on another')
  addListing(
    frozen.command('list', { isDefault: true }).description('List them; exit 2 when there are any'),
    {
      path: '/api/v1/frozen',
      none: 'No frozen records.',
      head: ['id', 'entity', 'name', 'why'],
      row: (r) => [String(r.id), String(r.entity), short(r.name, 30), short(r.why, 120)],
    },
    finish,
  )
  json(
    frozen
      .command('decide')
      .argument('<id>')
      .addArgument(new Argument('<decision>').choices(['delete', 'keep']))
      .description('delete: its rows go everywhere; keep: the sides that lost theirs get a new one'),
  )
    .addHelpText('after', '\nExample:\n  npm run -s concordat -- frozen decide 0f9c… keep')
    .action(async (id: string, decision: string, o: JsonOption) => {
      const done = await withApi({ crms: true }, (send) =>
        send('POST', `/api/v1/records/${encodeURIComponent(id)}/decide`, { decision }),
      )
      if (o.json) printJson(done)
      else print(decision === 'delete' ? 'Its rows will be deleted.' : 'It is kept; missing rows are made anew.')
    })
}
