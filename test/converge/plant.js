import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { MUTANTS } from './mutants.ts'

/** Plants the fault that CONVERGE_MUTANT names into the product's sources as they are loaded: `node --import`. */
const mutant = MUTANTS.find((m) => m.name === process.env.CONVERGE_MUTANT)
if (!mutant) throw new Error(`there is no mutant "${process.env.CONVERGE_MUTANT}"`)
const root = new URL('../../', import.meta.url)
const byUrl = Map.groupBy(mutant.changes, (c) => new URL(c.file, root).href)
for (const [url, changes] of byUrl) {
  const source = readFileSync(new URL(url), 'utf8')
  for (const { from, file } of changes)
    if (source.split(from).length !== 2) throw new Error(`${mutant.name}: ${file} does not hold its text once any more`)
}
registerHooks({
  load(url, context, nextLoad) {
    const changes = byUrl.get(url)
    const loaded = nextLoad(url, context)
    if (!changes) return loaded
    let source = String(loaded.source)
    for (const { from, to } of changes) source = source.replace(from, () => to)
    return { ...loaded, source }
  },
})
