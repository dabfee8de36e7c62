import { Command } from 'commander'
import { race } from './race.ts'

const program = new Command('race')
  .description('Many registrations of one deal at the same moment, through three server processes: exactly one is protected.')
  .option('--rounds <n>', 'how many rounds', '100')
  .option('--submissions <n>', 'how many at the same moment', '50')
  .option('--delay <ms>', 'a check waits up to so long between reading its rivals and its commit', '30')
  .addHelpText(
    'after',
    `
On PostgreSQL and Redis: DATABASE_URL and REDIS_URL.

Example:
  npm run -s race -- --rounds 100`,
  )
program.parse()
const o = program.opts<{ rounds: string; submissions: string; delay: string }>()
const out = (text: string) => process.stdout.write(`${text}\n`)
if (!process.env.DATABASE_URL || !process.env.REDIS_URL) {
  out('DATABASE_URL and REDIS_URL are missing: several processes need a PostgreSQL and a Redis')
  process.exit(1)
}
const wrong = await race({ rounds: Number(o.rounds), submissions: Number(o.submissions), delayMs: Number(o.delay) }, out)
for (const w of wrong) out(w)
out(`${Number(o.rounds) - wrong.length} passed, ${wrong.length} failed`)
process.exit(wrong.length > 0 ? 1 : 0)
