import { randomUUID } from 'node:crypto'
import type { CompiledMapping } from '../../mappings/compile.ts'
import type { ReferenceResolver } from '../../mappings/context.ts'
import { rawOf, render } from '../../mappings/lens.ts'
import { isBlank, type Json, same } from '../../mappings/model/value.ts'
import type { RawRow } from '../../mappings/schema.ts'
import type { Base } from '../../mappings/state.ts'
import type * as conflicts from '../../store/conflicts.ts'
import { mustSend } from '../merge/field.ts'
import { lensContext } from '../runtime.ts'
import type { Planned, Target, Work } from './work.ts'

export interface RenderResult {
  planned: Planned[]
  letters: conflicts.DeadLetter[]
  findings: conflicts.Finding[]
  waits: { parent: string; linkId: string; field: string }[]
}

/** Renders the fields that must be sent. What cannot be rendered is listed; the rest of the record goes. */
export async function renderFields(
  work: Work,
  mapping: CompiledMapping,
  targets: { target: Target; base: Base; current: RawRow; frozen: Set<string> }[],
  references: ReferenceResolver,
  dead: Map<string, unknown>,
): Promise<RenderResult> {
  const { rt } = work
  const ctx = lensContext(rt, mapping, references)
  const out: RenderResult = { planned: [], letters: [], findings: [], waits: [] }
  for (const { target, base, current, frozen } of targets) {
    const { link, record } = target
    const planned: Planned = { ...target, fields: {}, row: {} }
    for (const field of mapping.fields) {
      const state = record.fields[field.name]
      if (!field.writes || !state || frozen.has(field.name) || !mustSend(state, base[field.name])) continue
      if (link.state === 'creating' && isBlank(state.v)) continue
      // Not readable, or not read this time: never written over.
      if (link.state !== 'creating' && current[field.column] === undefined) continue
      const deadKey = `${link.id} ${field.name}`
      if (dead.has(deadKey) && same(dead.get(deadKey) as Json, state.v)) continue
      if (field.type === 'reference' && !isBlank(state.v) && !field.holdsRecordId && !references.externalOf(String(state.v))) {
        out.waits.push({ parent: String(state.v), linkId: link.id, field: field.name })
        continue
      }
      const rendering = await render(field, state.v, current, ctx)
      if ('problem' in rendering) {
        if (field.type === 'user')
          out.findings.push({
            code: 'unmatched_user',
            subject: String(state.v),
            message: `${field.name}: ${rendering.problem}`,
            count: 1,
          })
        else
          out.letters.push({
            id: randomUUID(),
            linkId: link.id,
            recordId: record.id,
            entity: mapping.entity,
            field: field.name,
            value: state.v,
            class: 'does_not_fit',
            message: rendering.problem,
          })
        continue
      }
      Object.assign(planned.row, rendering.columns)
      planned.fields[field.name] = {
        c: state.v,
        s: rendering.columns[field.column] ?? null,
        b: rawOf(field, current),
        n: state.n,
      }
    }
    out.planned.push(planned)
  }
  return out
}
