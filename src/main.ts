import { Command } from 'commander'
import { addCommands } from './cli/commands.ts'
import type { StartOptions } from './cli/start.ts'
import { ConfigError } from './config.ts'
import { HomeBusy } from './home.ts'

/** The command line. Exit codes: 0 fine, 1 error, 2 something to do or differences. */

const program = new Command('concordat')
  .description(
    'Keeps deals, accounts, contacts and partner records in agreement between Salesforce, HubSpot and a canonical partner model.',
  )
  .version('0.1.0')
  .showHelpAfterError('(run with --help for the commands and examples)')
  .addHelpText(
    'after',
    `
Examples:
  npm start                                    start everything; with no credentials on two local CRMs
  npm start -s -- --once --json                one full sync and verify, one JSON document
  npm start -- --import ./exports              try it on CSV exports (salesforce/*.csv, hubspot/*.csv)
  npm run -s concordat -- status               what is going on
  npm run -s concordat -- verify --json        read both CRMs and compare
Exit codes: 0 fine, 1 error, 2 something to do or differences.`,
  )

program
  .command('start')
  .description('Start everything: sync, verify, then keep both CRMs in agreement')
  .option('--once', 'one full sync and verify, then stop')
  .option('--json', 'print the summary as one JSON document on stdout (with --once)')
  .option('--import <dir>', 'fill the local CRMs from CSV exports instead of the demo world')
  .addHelpText('after', '\nExamples:\n  npm start\n  npm start -s -- --once --json\n  npm start -- --import ./exports')
  .action(async (options: StartOptions) => {
    // The engine is loaded by those that run it: a command that only asks the running server answers at once.
    const { runStart } = await import('./cli/start.ts')
    finish(await runStart(options))
  })

addCommands(program, finish)

/** Ends with an exit code once everything is written. */
function finish(code: number): void {
  process.exitCode = code
}

// Whoever reads the output may stop early, as `head` does: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit()
  throw error
})

try {
  await program.parseAsync()
} catch (error) {
  const expected = error instanceof ConfigError || error instanceof HomeBusy || (error as { expected?: boolean }).expected
  process.stderr.write(`${expected ? (error as Error).message : ((error as Error).stack ?? String(error))}\n`)
  process.exitCode = 1
}
