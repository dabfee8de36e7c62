// Types, lint and format, unused code. Each prints what it found; all run, the first failure decides.
import { spawnSync } from 'node:child_process'

let failed = 0
for (const [what, command, ...args] of [
  ['types', 'tsc', '-p', '.'],
  ['lint and format', 'biome', 'check', '--error-on-warnings', '.'],
  ['unused code', 'knip'],
  ['import floors', 'vitest', 'run', 'test/architecture.test.ts'],
]) {
  const { status } = spawnSync(command, args, { stdio: 'inherit' })
  process.stdout.write(`${what}: ${status === 0 ? 'fine' : 'FAILED'}\n`)
  failed ||= status === 0 ? 0 : 1
}
process.exit(failed)
