import type { Command } from 'commander'
import { addListing } from './listing.ts'
import type { Finish } from './output.ts'
import { short } from './print.ts'

/** `concordat matches`. */
export function addMatches(program: Command, finish: Finish): void {
  addListing(
    program.command('matches').description('Ambiguous links and possible duplicates; exit 2 when there are any'),
    {
      path: '/api/v1/matches',
      none: 'No matches.',
      head: ['id', 'entity', 'row', 'records', 'reason'],
      row: (r) => [
        String(r.id),
        String(r.entity),
        `${r.connection} ${r.externalId}`,
        (r.recordIds as string[]).length,
        short(r.reason, 50),
      ],
    },
    finish,
  )
}

/** `concordat findings`. */
export function addFindings(program: Command, finish: Finish): void {
  addListing(
    program.command('findings').description('What mappings, users and CRMs do not agree on; exit 2 when there is anything'),
    {
      path: '/api/v1/findings',
      none: 'No findings.',
      head: ['connection', 'what', 'times', 'message'],
      row: (r) => [String(r.connection), String(r.code), Number(r.count), short(r.message, 90)],
    },
    finish,
  )
}
