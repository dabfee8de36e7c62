import type { Command } from 'commander'
import { withApi } from './client.ts'
import { type JsonOption, json, type List, print, printJson, type Row } from './output.ts'
import { short, table } from './print.ts'

/** `concordat records`. */
export function addRecords(program: Command): void {
  json(
    program
      .command('records')
      .description('List or search records')
      .argument('[query]', 'part of a name, domain or e-mail')
      .option('--entity <entity>')
      .option('--limit <n>', '', '50')
      .option('--id <id>', 'one record, with its links and journal'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  npm run -s concordat -- records acme --entity account\n  npm run -s concordat -- records --id 0f9c…',
    )
    .action(async (query: string | undefined, o: JsonOption & { entity?: string; limit: string; id?: string }) => {
      if (o.id) {
        const found = await withApi({ crms: false }, async (send) => ({
          ...((await send('GET', `/api/v1/records/${o.id}`)) as Row),
          journal: await send('GET', `/api/v1/records/${o.id}/journal`),
        }))
        return printJson(found)
      }
      const params = new URLSearchParams({
        limit: o.limit,
        ...(o.entity && { entity: o.entity }),
        ...(query && { q: query }),
      })
      const { items, next } = (await withApi({ crms: false }, (send) => send('GET', `/api/v1/records?${params}`))) as List
      if (o.json) return printJson({ items, next })
      print(
        table(
          ['id', 'entity', 'name', 'version'],
          items.map((r) => {
            const f = r.fields as Row
            return [
              String(r.id),
              String(r.entity),
              short(f.name ?? [f.firstName, f.lastName].filter(Boolean).join(' ')),
              Number(r.version),
            ]
          }),
        ),
      )
    })
}
