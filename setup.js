// Runs before npm scripts, on whatever Node the machine has: installs what is missing, says so on stderr.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('.', import.meta.url))
const lock = join(root, 'package-lock.json')
const marker = join(root, 'node_modules', '.concordat-setup')
const fingerprint = () => createHash('sha256').update(readFileSync(lock)).digest('hex')

if (!existsSync(marker) || readFileSync(marker, 'utf8') !== fingerprint()) {
  process.stderr.write('Installing what is missing (first run only) ...\n')
  // stdout belongs to results: everything that npm says goes to stderr.
  const npm = process.env.npm_execpath
  // What the lock file says, and the file stays as it is: npm 10 would rewrite it.
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']
  const [command, all] = npm?.endsWith('.js') ? [process.execPath, [npm, ...args]] : ['npm', args]
  const { status, error } = spawnSync(command, all, { cwd: root, stdio: ['ignore', 2, 2] })
  if (status !== 0) {
    process.stderr.write(
      `The install failed${error ? `: ${error.message}` : ''}. Check the network and run "npm install" to see why.\n`,
    )
    process.exit(1)
  }
  writeFileSync(marker, fingerprint())
}
