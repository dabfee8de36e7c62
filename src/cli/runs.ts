import type { Command } from 'commander'
import { withApi } from './client.ts'
import { type JsonOption, json, type List, print, printJson } from './output.ts'
import { short, table } from './print.ts'

/** `concordat runs`: list, approve. */
export function addRuns(program: Command): void {
  const runs = program.command('runs').description('Runs, and what waits for approval')
  json(runs.command('list', { isDefault: true }).description('List runs and brakes')).action(async (o: JsonOption) => {
    const found = await withApi({ crms: false }, async (send) => ({
      runs: ((await send('GET', '/api/v1/runs')) as List).items,
      brakes: ((await send('GET', '/api/v1/brakes')) as List).items,
    }))
    if (o.json) return printJson(found)
    print(
      found.runs.length === 0
        ? 'No runs yet.'
        : table(
            ['run', 'started', 'connection', 'kind', 'state', 'what it did'],
            found.runs.map((r) => [
              String(r.id),
              String(r.startedAt),
              String(r.connection ?? ''),
              String(r.kind),
              String(r.state),
              short(r.counts, 50),
            ]),
          ),
    )
    print(
      found.brakes.length === 0
        ? 'Nothing waits for approval.'
        : table(
            ['connection', 'entity', 'what', 'count', 'of', 'state'],
            found.brakes.map((b) => [
              String(b.connection),
              String(b.entity),
              String(b.kind),
              Number(b.count),
              Number(b.total),
              String(b.state),
            ]),
          ),
    )
  })
  json(
    runs
      .command('approve')
      .description('Let what the brake holds go on: deletes, clears, overwrites, rows that seem to have left')
      .option('--connection <name>')
      .option('--entity <entity>'),
  ).action(async (o: JsonOption & { connection?: string; entity?: string }) => {
    const done = (await withApi({ crms: false }, (send) =>
      send('POST', '/api/v1/brakes:approve', {
        ...(o.connection && { connection: o.connection }),
        ...(o.entity && { entity: o.entity }),
      }),
    )) as { approved: number }
    if (o.json) printJson(done)
    else print(done.approved === 0 ? 'Nothing waited for approval.' : `Approved ${done.approved}.`)
  })
}
