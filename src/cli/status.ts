import type { Command } from 'commander'
import { withApi } from './client.ts'
import { type JsonOption, json, print, printJson, type Row } from './output.ts'
import { table } from './print.ts'

/** `concordat status`. */
export function addStatus(program: Command): void {
  json(program.command('status').description('Lanes, pauses, open questions')).action(async (o: JsonOption) => {
    const status = (await withApi({ crms: false }, (send) => send('GET', '/api/v1/status'))) as {
      lanes: Row[]
      paused: Row[]
      brakes: Row[]
      firstSync: string
      conflicts: number
      deadLetters: number
      frozen: number
      review: number
      possible: number
      records: Record<string, { canonical: number; linked: number; review: number }>
    }
    if (o.json) return printJson(status)
    print(
      table(
        ['entity', 'records', 'linked', 'for review'],
        Object.entries(status.records).map(([e, r]) => [e, r.canonical, r.linked, r.review]),
      ),
    )
    if (status.lanes.length > 0)
      print(
        table(
          ['connection', 'read', 'inbox', 'to write', 'later', 'to confirm', 'held'],
          status.lanes.map((l) => [
            String(l.connection),
            l.synced ? 'yes' : 'no',
            Number(l.inbox),
            Number(l.outbox),
            Number(l.later),
            Number(l.openWrites),
            String(l.held ?? ''),
          ]),
        ),
      )
    else print('Nothing is running; these are the stored figures.')
    for (const p of status.paused) print(`PAUSED ${p.scope}: ${p.reason} (concordat resume ${p.scope})`)
    for (const b of status.brakes)
      print(`BRAKE ${b.connection} ${b.entity}: ${b.count} ${b.kind}s of ${b.total} are ${b.state} (concordat runs approve)`)
    print(
      `${status.conflicts} conflicts, ${status.deadLetters} dead letters, ${status.frozen} frozen records, ${status.review} for review, ${status.possible} possible duplicates.`,
    )
  })
}
