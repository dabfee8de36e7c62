import { existsSync, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { CommandError, withApi } from './client.ts'
import { type Finish, type JsonOption, json, print, printJson, type Row } from './output.ts'
import { table } from './print.ts'

/** `concordat rules`: show, check, publish; the rules of engagement. */
export function addRules(program: Command, finish: Finish): void {
  const rules = program.command('rules').description('The rules of engagement that registrations go by (docs/registrations.md)')
  json(rules.command('show', { isDefault: true }).description('The rules that count now, as YAML, and their versions')).action(
    async (o: JsonOption) => {
      const found = (await withApi({ crms: false }, (send) => send('GET', '/api/v1/rules'))) as Row
      if (o.json) return printJson(found)
      print(`# version ${found.version ?? 'built in'}\n${found.text}`)
      const versions = found.versions as Row[]
      if (versions.length > 0)
        print(
          table(
            ['version', 'published', 'by'],
            versions.map((v) => [Number(v.version), String(v.at), String(v.by)]),
          ),
        )
    },
  )
  json(rules.command('check').argument('<file>').description('Check a rules file; exit 2 when something is wrong')).action(
    async (file: string, o: JsonOption) => {
      const yaml = read(file)
      const { problems } = (await withApi({ crms: false }, (send) => send('POST', '/api/v1/rules:check', { yaml }))) as {
        problems: { line: number; message: string }[]
      }
      if (o.json) printJson({ problems })
      else
        print(
          problems.length === 0 ? 'Nothing to complain about.' : problems.map((p) => `line ${p.line}: ${p.message}`).join('\n'),
        )
      finish(problems.length > 0 ? 2 : 0)
    },
  )
  json(rules.command('publish').argument('<file>').description('From now on these rules count; what was decided stays as it is'))
    .addHelpText('after', '\nExample:\n  npm run -s concordat -- rules publish rules.yaml')
    .action(async (file: string, o: JsonOption) => {
      const yaml = read(file)
      const done = (await withApi({ crms: false }, (send) =>
        send('POST', '/api/v1/rules:publish', { yaml, by: userInfo().username }),
      )) as Row
      if (o.json) printJson(done)
      else print(`Version ${done.version} counts from now on.`)
    })
}

function read(file: string): string {
  if (!existsSync(file)) throw new CommandError(`there is no file ${file}`)
  return readFileSync(file, 'utf8')
}
