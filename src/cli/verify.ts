import type { Command } from 'commander'
import { withApi } from './client.ts'
import { type Finish, type JsonOption, json, print, printJson, type Row } from './output.ts'
import { number, short, table } from './print.ts'

/** Differences that a terminal shows. */
const SHOWN = 50

/** `concordat verify`. */
export function addVerify(program: Command, finish: Finish): void {
  json(
    program.command('verify').description('Read both CRMs completely and compare; exit 2 when something is unexplained'),
  ).action(async (o: JsonOption) => {
    const { list, ...summary } = (await withApi({ crms: true }, (send) => send('POST', '/api/v1/verify'))) as {
      list: Row[]
      compared: number
      fields: number
      differences: number
      unexplained: number
      byReason: Record<string, number>
    }
    if (o.json)
      printJson({
        ...summary,
        differences: list.map(({ externalId: _, ...d }) => d),
        differenceCount: summary.differences,
      })
    else {
      print(
        `${summary.compared} rows, ${summary.fields} fields compared: ${summary.differences} differences, ${summary.unexplained} unexplained.`,
      )
      for (const [reason, n] of Object.entries(summary.byReason)) print(`  ${n} ${reason}`)
      const rows = list.filter((d) => d.reason === null).slice(0, SHOWN)
      if (rows.length > 0)
        print(
          table(
            ['entity', 'record', 'field', 'canonical', 'in the CRMs'],
            rows.map((d) => [
              String(d.entity),
              String(d.recordId ?? d.externalId),
              String(d.field),
              short(d.canonical, 40),
              short(d.values, 60),
            ]),
          ),
        )
      if (summary.unexplained > rows.length) print(`and ${number(summary.unexplained - rows.length)} more; --json lists them`)
    }
    finish(summary.unexplained > 0 ? 2 : 0)
  })
}
