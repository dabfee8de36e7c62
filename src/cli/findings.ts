import type { Command } from 'commander'
import { addListing } from './listing.ts'
import type { Finish } from './output.ts'
import { short } from './print.ts'

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
