import { Argument, type Command } from 'commander'
import { withApi } from './client.ts'
import { type JsonOption, json, print, printJson, type Row } from './output.ts'
import { table } from './print.ts'

/** `concordat connection`: list, enable-writes, disable-writes, watch, map-user. */
export function addConnection(program: Command): void {
  const connection = program.command('connection').description('Connections to CRMs')
  json(connection.command('list', { isDefault: true }).description('List connections')).action(async (o: JsonOption) => {
    const status = (await withApi({ crms: true }, (send) => send('GET', '/api/v1/status'))) as {
      connections: Row[]
    }
    if (o.json) return printJson(status.connections)
    print(
      table(
        ['name', 'CRM', 'account', 'local', 'writing', 'watching'],
        status.connections.map((c) => [
          String(c.name),
          String(c.kind),
          String(c.account),
          c.sandbox ? 'yes' : 'no',
          c.writesEnabled ? 'on' : 'off',
          c.watching ? 'on' : 'off',
        ]),
      ),
    )
  })
  for (const [name, enabled] of [
    ['enable-writes', true],
    ['disable-writes', false],
  ] as const) {
    json(
      connection
        .command(name)
        .argument('<name>')
        .description(enabled ? 'Switch writing to a CRM on' : 'Switch writing to a CRM off'),
    ).action(async (target: string, o: JsonOption) => {
      const done = await withApi({ crms: false }, (send) =>
        send('POST', `/api/v1/connections/${encodeURIComponent(target)}/writes`, { enabled }),
      )
      if (o.json) printJson(done)
      else print(`Writing to ${target} is ${enabled ? 'on' : 'off'}.`)
    })
  }

  json(
    connection
      .command('watch')
      .argument('<name>')
      .addArgument(new Argument('<state>').choices(['on', 'off']))
      .description("Look up in the CRM's field history what our writes have replaced unread (on by default; costs calls)"),
  ).action(async (target: string, state: string, o: JsonOption) => {
    const done = await withApi({ crms: false }, (send) =>
      send('POST', `/api/v1/connections/${encodeURIComponent(target)}/watch`, { enabled: state === 'on' }),
    )
    if (o.json) printJson(done)
    else print(`Watching of writes to ${target} is ${state}.`)
  })

  json(
    connection
      .command('map-user')
      .argument('<name>', 'the connection')
      .argument('<email>', 'as the record has it')
      .argument('[there]', 'as that CRM has it; left out: take the entry back')
      .description('Say who a user is in a CRM where the e-mail addresses differ'),
  )
    .addHelpText('after', '\nExample:\n  npm run -s concordat -- connection map-user hubspot ann@old.example ann@new.example')
    .action(async (target: string, email: string, there: string | undefined, o: JsonOption) => {
      const done = await withApi({ crms: true }, (send) =>
        send('POST', `/api/v1/connections/${encodeURIComponent(target)}/users`, { email, there: there ?? null }),
      )
      if (o.json) printJson(done)
      else print(there ? `${email} is ${there} in ${target}.` : `${email} is matched by its own address in ${target} again.`)
    })
}
