import { registerHooks } from 'node:module'

/** Counts how often each row of the merge table occurs: the pure function is wrapped as it is loaded. */
const target = new URL('../../sync/merge/field.ts', import.meta.url).href
const START = 'export function mergeField(input: MergeInput): MergeResult {\n'

/** What a merge was given, in the words of the merge table. */
const COUNT = `
function mergeRow({ hub, base, remote }: MergeInput): string {
  const here = hub ?? { v: null, n: 0 }
  if (!base) return isBlank(here.v) !== isBlank(remote.value) ? 'first link, one side blank' : same(here.v, remote.value) ? 'first link, equal' : 'first link, different'
  const [theirs, ours] = [!same(remote.raw, base.r), here.n !== base.n]
  if (theirs && ours) return same(remote.value, here.v) ? 'both changed, equal' : 'both changed, different'
  return theirs ? 'remote changed' : ours ? 'record changed' : 'unchanged'
}
`
globalThis.mergeRows = new Map()
registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (url !== target) return loaded
    const source = String(loaded.source)
    if (source.split(START).length !== 2) throw new Error('sync/merge/field.ts does not begin its merge as it did')
    const wrapped = `${START}  const row = 'merge: ' + mergeRow(input)
  const counts = (globalThis as unknown as { mergeRows: Map<string, number> }).mergeRows
  counts.set(row, (counts.get(row) ?? 0) + 1)
  return mergeFieldItself(input)
}
${COUNT}
function mergeFieldItself(input: MergeInput): MergeResult {
`
    return { ...loaded, source: source.replace(START, () => wrapped) }
  },
})
