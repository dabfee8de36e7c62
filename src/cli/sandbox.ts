import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { readOwner } from '../home.ts'
import { CommandError, withApi } from './client.ts'
import { type JsonOption, json, print, printJson } from './output.ts'

/** `concordat sandbox`: info, generate. */
export function addSandbox(program: Command): void {
  const sandbox = program.command('sandbox').description('The two local CRMs')
  json(sandbox.command('info').description('Addresses and tokens of the running local CRMs')).action(async () => {
    const { home } = readConfig(process.env)
    if (!readOwner(home)) throw new CommandError('no server runs here, so neither do the local CRMs; `npm start` starts them')
    printJson(await withApi({ crms: false }, (send) => send('GET', '/api/v1/sandbox')))
  })
  json(
    sandbox
      .command('generate')
      .description('Make a world of another size in a data folder')
      .option('--accounts <n>', '', '1200')
      .option('--contacts <n>')
      .option('--deals <m>', '', '8800')
      .option('--partners <n>', '', '40')
      .option('--seed <s>', '', '1')
      .requiredOption('--home <dir>', 'the data folder to make it in'),
  )
    .addHelpText(
      'after',
      '\nExample:\n  npm run -s concordat -- sandbox generate --accounts 5000 --deals 20000 --seed 7 --home ./big\n  CONCORDAT_HOME=./big npm start',
    )
    .action(
      async (
        o: JsonOption & {
          accounts: string
          contacts?: string
          deals: string
          partners: string
          seed: string
          home: string
        },
      ) => {
        const numbers = {
          accounts: o.accounts,
          contacts: o.contacts ?? String(Math.round(Number(o.accounts) * 2.5)),
          deals: o.deals,
          partners: o.partners,
          seed: o.seed,
        }
        for (const [name, value] of Object.entries(numbers))
          if (!/^\d+$/.test(value)) throw new CommandError(`--${name} ${value} is no whole number; for example --${name} 1000`)
        const folder = resolve(o.home, 'sandbox')
        if (Number(numbers.accounts) < 1 || Number(numbers.partners) < 1)
          throw new CommandError('a world has at least one account and one partner; for example --accounts 100 --partners 4')
        if (existsSync(folder)) throw new CommandError(`${folder} exists already; choose another folder`)
        const { startSandbox } = await import('../../sandbox/sandbox.ts')
        const made = await startSandbox({
          folder,
          world: {
            accounts: Number(numbers.accounts),
            contacts: Number(numbers.contacts),
            deals: Number(numbers.deals),
            partners: Number(numbers.partners),
            seed: Number(numbers.seed),
          },
        })
        const counts = made.world.counts()
        await made.stop()
        if (o.json) printJson(counts)
        else print(`Made in ${folder}. Start it with CONCORDAT_HOME=${o.home} npm start`)
      },
    )
}
