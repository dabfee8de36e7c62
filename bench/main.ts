import { Command } from 'commander'
import { benchSync } from './sync.ts'

const program = new Command('bench').description('Measurements, side by side in one run')
program
  .command('sync')
  .description('First sync of accounts and deals: half on both sides, a quarter on one side each')
  .option('--records <n>', 'canonical records, half accounts and half deals', '20000')
  .option('--engine <names>', 'services,embedded', 'services,embedded')
  .option('--json', 'print JSON')
  .action(async (o: { records: string; engine: string; json?: boolean }) => {
    const results = []
    for (const engine of o.engine.split(',')) results.push(await benchSync(Number(o.records), engine as 'services' | 'embedded'))
    if (o.json) process.stdout.write(`${JSON.stringify(results)}\n`)
    else console.table(results)
  })
await program.parseAsync()
