// Plain JavaScript: runs on whatever Node the machine has.

/** Stops with one sentence below Node 24; `npm start` and `npm run concordat` bring their own Node. */
export function requireNode24() {
  const major = Number(process.versions.node.split('.')[0])
  if (major >= 24) return
  process.stderr.write(
    `Concordat needs Node 24 or newer and this is Node ${process.versions.node}; use "npm start" or "npm run -s concordat -- COMMAND", which bring their own Node.\n`,
  )
  process.exit(1)
}
