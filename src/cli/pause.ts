import type { Command } from 'commander'
import { withApi } from './client.ts'
import { type JsonOption, json, print, printJson, type Row } from './output.ts'

/** `concordat pause`, `concordat resume`. */
export function addPause(program: Command): void {
  for (const [name, description] of [
    ['pause', 'Stop all writes at once, or those of a connection or entity'],
    ['resume', 'Let writes go on'],
  ] as const) {
    json(
      program
        .command(name)
        .description(description)
        .argument('[scope]', 'a connection or an entity', 'all')
        .option('--reason <text>'),
    ).action(async (scope: string, o: JsonOption & { reason?: string }) => {
      const done = (await withApi({ crms: false }, (send) =>
        send('POST', `/api/v1/${name}`, { scope, ...(o.reason && { reason: o.reason }) }),
      )) as { paused: Row[] }
      if (o.json) return printJson(done)
      print(done.paused.length === 0 ? 'Nothing is paused.' : `Paused: ${done.paused.map((p) => p.scope).join(', ')}`)
    })
  }
}
