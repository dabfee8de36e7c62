import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { CommandError, withApi } from './client.ts'
import { type Finish, type JsonOption, json, print, printJson, type Row } from './output.ts'
import { count, number, short, shown, table } from './print.ts'

/** What a plan holds, as the API answers it. */
export interface PlanView {
  actions: {
    connection: string
    entity: string
    kind: string
    name: string | null
    recordId: string
    fields: Record<string, { before: unknown; after: unknown }>
    reason: string
    held?: string
  }[]
  calls: Record<string, number>
  conflicts: Row[]
  rejected: Row[]
}

/** Actions that a terminal shows; --json holds them all. */
const SHOWN = 40

/** `concordat plan`. */
export function addPlan(program: Command, finish: Finish): void {
  json(
    program
      .command('plan')
      .description('What the next run would write, and where; nothing is written. Exit 2 when there is something to do')
      .option('--entity <entity>', 'only this entity')
      .option('--record <id>', 'only this record')
      .option('--mapping <file>', 'as if this mapping were published')
      .option('--connection <name>', 'which connection the mapping is for')
      .addHelpText(
        'after',
        `
Examples:
  npm run -s concordat -- plan
  npm run -s concordat -- plan --entity deal --json
  npm run -s concordat -- plan --mapping ./account.yaml`,
      ),
  ).action(async (o: JsonOption & { entity?: string; record?: string; mapping?: string; connection?: string }) => {
    const made = (await withApi({ crms: true }, (send) =>
      send('POST', '/api/v1/plan', {
        ...(o.entity && { entity: o.entity }),
        ...(o.record && { record: o.record }),
        ...(o.mapping && { mapping: { yaml: readMapping(o.mapping), ...(o.connection && { connection: o.connection }) } }),
      }),
    )) as PlanView
    if (o.json) printJson(made)
    else print(planText(made))
    finish(made.actions.length > 0 ? 2 : 0)
  })
}

export function readMapping(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${(error as Error).message}`)
  }
}

/** A plan as people read it: how much of what, then what exactly. */
export function planText({ actions, calls, conflicts, rejected }: PlanView): string {
  const out: string[] = []
  if (actions.length === 0) out.push('There is nothing to write.')
  else {
    const groups = Map.groupBy(actions, (a) => [a.connection, a.entity, a.kind, a.held ? 'waits for approval' : ''].join('\t'))
    out.push(
      table(
        ['connection', 'entity', 'do', 'rows', ''],
        [...groups].map(([key, of]) => {
          const [connection, entity, kind, held] = key.split('\t') as [string, string, string, string]
          return [connection, entity, kind, of.length, held]
        }),
      ),
      table(
        ['connection', 'do', 'record', 'fields', 'why'],
        actions
          .slice(0, SHOWN)
          .map((a) => [
            a.connection,
            a.kind,
            short(a.name ?? a.recordId, 26),
            a.kind === 'delete' ? `${Object.keys(a.fields).length} fields` : changes(a.fields),
            short(a.reason, 40),
          ]),
      ),
    )
    if (actions.length > SHOWN) out.push(`and ${number(actions.length - SHOWN)} more; --json lists them all`)
    out.push(
      `It costs ${Object.entries(calls)
        .map(([name, n]) => `${count(n, 'call')} of ${name}`)
        .join(' and ')}.`,
    )
  }
  if (conflicts.length > 0)
    out.push(
      `${count(conflicts.length, 'conflict')} for a person to settle: ${conflicts
        .slice(0, 5)
        .map((c) => `${c.entity} ${c.field}`)
        .join(', ')}`,
    )
  for (const r of rejected.slice(0, 10)) out.push(`not sent: ${r.connection} ${r.entity} ${r.field}: ${short(r.message, 100)}`)
  if (rejected.length > 10) out.push(`and ${number(rejected.length - 10)} more values that are not sent`)
  return out.join('\n')
}

const changes = (fields: PlanView['actions'][number]['fields']): string =>
  Object.entries(fields)
    .slice(0, 6)
    .map(([name, { before, after }]) => `${name}: ${shown(before)} -> ${shown(after)}`)
    .join('\n') + (Object.keys(fields).length > 6 ? `\nand ${Object.keys(fields).length - 6} more` : '')
