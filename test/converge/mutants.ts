/**
 * Faults planted in the product, one at a time: each takes away one rule that a promise rests on. The histories must
 * find every one of them, or they prove nothing. Where another rule would put things right, it is taken away as well.
 */
export interface Mutant {
  name: string
  /** Text that stands in a file once, and what stands there instead; files from the project's root. */
  changes: { file: string; from: string; to: string }[]
}

/** A read behind the cursor would find what was missed. */
const NO_OVERLAP = {
  file: 'sync/pull/poll.ts',
  from: 'const overlap = overlapWanted.has(object) || ctx.began - state.overlapAt >= engine.timing.overlapEvery',
  to: 'const overlap = false && overlapWanted.has(object)',
}

export const MUTANTS: Mutant[] = [
  {
    name: 'the base is saved before the write is confirmed',
    changes: [
      {
        file: 'sync/push/update.ts',
        from: '  return { ready, ids, sendBy }\n',
        to: `  await links.updateLinks(tx, ready.map((p) => ({ id: p.link.id, base: Object.fromEntries(Object.entries(p.fields).map(([name, f]) => [name, { c: f.c, r: f.s, n: f.n }])) })))
  await intents.closeWrites(tx, ready.map((p) => p.link.id))
  return { ready, ids, sendBy }\n`,
      },
    ],
  },
  {
    name: 'the cursor is saved before what it covers is merged',
    changes: [
      NO_OVERLAP,
      {
        file: 'sync/pull/poll.ts',
        from: 'const { changed, echoes } = await worthMerging(',
        to: `{ const s = work.objects[answer.object]!
        const u = answer.upTo ?? answer.next
        if (u) await commit(work, (tx) => lanes.saveObject(tx, rt.id, answer.object, { ...s, cursor: u, done: Date.now() })) }
      const { changed, echoes } = await worthMerging(`,
      },
    ],
  },
  {
    name: 'an echo is told by its time',
    changes: [
      {
        file: 'sync/merging.ts',
        from: '  const result = mergeRecord({',
        to: `  if (link.wrote > 0 && snapshot.version - link.wrote < 60_000) {
    const seen: Base = {}
    for (const [name, r] of item.reading) if ('value' in r) seen[name] = { c: r.value, r: r.raw, n: record.fields[name]?.n ?? 0 }
    batch.changeLink({ id: link.id, base: seen, seen: snapshot.version })
    return
  }
  const result = mergeRecord({`,
      },
    ],
  },
  {
    name: 'absent is taken for blank',
    changes: [
      {
        file: 'mappings/lens.ts',
        from: '    if (row[field.column] === undefined) continue\n',
        to: '    if (row[field.column] === undefined) row[field.column] = null\n',
      },
    ],
  },
  {
    name: 'a clear is dropped',
    changes: [
      {
        file: 'sync/merge/field.ts',
        from: 'return hub.n !== base.n && !same(hub.v, base.c)',
        to: 'return hub.n !== base.n && !same(hub.v, base.c) && !isBlank(hub.v)',
      },
    ],
  },
  {
    name: 'a row is created without an intent',
    changes: [
      {
        file: 'sync/push/create.ts',
        from: '  return { ready, ids, sendBy }\n',
        to: '  await intents.closeWrites(tx, ready.map((p) => p.link.id))\n  return { ready, ids, sendBy }\n',
      },
    ],
  },
  {
    name: 'a halved batch loses its second half',
    changes: [
      {
        file: 'connectors/hubspot/halving.ts',
        from: 'work.push(positions.slice(half), positions.slice(0, half))',
        to: `work.push(positions.slice(0, half))
      for (const p of positions.slice(half)) outcomes[p] = { ok: false, error }`,
      },
      {
        file: 'connectors/hubspot/halving.ts',
        from: '    const guilty = new Set(blame(error, positions))\n',
        to: '    const guilty = new Set<number>(blame(error, []))\n',
      },
    ],
  },
  {
    name: 'an archived row is taken for one that is missing',
    changes: [
      {
        file: 'connectors/hubspot/read.ts',
        from: 'let missing = ids\n  for (const archived of [false, true]) {',
        to: 'let missing = ids\n  for (const archived of [false]) {',
      },
    ],
  },
  {
    name: 'merges made in a CRM are ignored',
    changes: [
      {
        file: 'sync/departures.ts',
        from: '  if (merges.length === 0) return snapshots\n',
        to: '  if (merges.length >= 0) return snapshots\n',
      },
    ],
  },
  {
    name: 'an answer to a conflict is not checked against its sides',
    changes: [{ file: 'sync/resolve.ts', from: '    if (rev !== conflict.rev)\n', to: '    if (rev > conflict.rev)\n' }],
  },
  {
    name: 'an undo ignores later edits',
    changes: [
      {
        file: 'sync/undo/plan.ts',
        from: '  if (held !== undefined && same(held, sent)) return undefined\n',
        to: '  if (held !== undefined || same(null, sent)) return undefined\n',
      },
      {
        file: 'sync/undo/revert.ts',
        from: 'else if (!same(heldValue(link, name, conflict) ?? null, f.from))',
        to: 'else if (same(heldValue(link, name, conflict) ?? null, null) && f.from === 0)',
      },
    ],
  },
  {
    name: 'rows with equal timestamps are cut off by a page',
    changes: [
      NO_OVERLAP,
      {
        file: 'connectors/salesforce/changes.ts',
        from: '} WHERE SystemModstamp >= $',
        to: '} WHERE SystemModstamp > $',
      },
    ],
  },
  {
    name: 'a create that took effect is sent once more',
    changes: [
      {
        file: 'sync/budget.ts',
        from: "return error.class !== 'unknown_outcome' || !isWrite(operation)",
        to: "return error.class !== 'unknown_outcome' || isWrite(operation) || true",
      },
      { file: 'connectors/hubspot/create.ts', from: 'properties[externalId] = key', to: 'void key' },
    ],
  },
  {
    name: 'a delete is sent over an edit',
    changes: [
      {
        file: 'sync/push/delete.ts',
        from: '    const edits = editedSince(mapping, t.link, readings.get(t.link.externalId!)!)\n',
        to: '    const edits: Record<string, [Value, Value]> = {}\n    void readings\n',
      },
      {
        file: 'sync/watch/deleted.ts',
        from: '      if (edits.length === 0) continue\n',
        to: '      if (edits.length >= 0) continue\n',
      },
    ],
  },
  {
    name: 'a read is merged although its row was changed meanwhile',
    changes: [
      {
        file: 'sync/apply.ts',
        from: '    if (known.some((l) => l.changedSince)) {\n',
        to: '    if (known.some((l) => l.changedSince && l.rev < 0)) {\n',
      },
      {
        file: 'sync/settle.ts',
        from: 'write.answeredAt !== null && ctx.began < write.answeredAt',
        to: 'write.answeredAt !== null && ctx.began < 0',
      },
      {
        file: 'sync/apply.ts',
        from: 'snapshot.version < Math.max(l.seen, l.wrote)',
        to: 'snapshot.version < Math.min(0, l.seen)',
      },
    ],
  },
  {
    name: 'a field in conflict is sent',
    changes: [
      {
        file: 'sync/push/render.ts',
        from: 'frozen.has(field.name) || ',
        to: '',
      },
    ],
  },
  {
    name: 'the wrong workspace',
    changes: [
      {
        file: 'store/database.ts',
        from: '  #once<T>(workspace: string, work: (tx: Tx) => Promise<T>, durable: boolean): Promise<T> {\n',
        to: `  #first = ''
  #once<T>(workspace: string, work: (tx: Tx) => Promise<T>, durable: boolean): Promise<T> {
    this.#first ||= workspace
    workspace = this.#first\n`,
      },
    ],
  },
  {
    name: 'links are deleted with their record',
    changes: [
      {
        file: 'store/records.ts',
        from: 'export async function tombstone(tx: Tx, ids: string[]): Promise<void> {\n',
        to: `export async function tombstone(tx: Tx, ids: string[]): Promise<void> {
  await sql\`delete from link where record_id = any(\${ids}::uuid[])\`.execute(tx)\n`,
      },
    ],
  },
  {
    name: 'what a write replaced unread is not looked up',
    changes: [
      {
        file: 'sync/push/push.ts',
        from: 'if (gate.watching) more = (await watchWrites(work)) || more',
        to: 'if (gate.watching && gate.read.size < 0) more = (await watchWrites(work)) || more',
      },
    ],
  },
  {
    name: 'a write without an answer counts as not sent when the old value stands',
    changes: [{ file: 'sync/settle.ts', from: '    !untouched &&\n', to: '    !untouched && write.id < 0 &&\n' }],
  },
]
