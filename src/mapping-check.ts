import { compileMapping } from '../mappings/compile.ts'
import { fieldMapping, mappingSchema } from '../mappings/mapping.ts'
import type { App } from './app.ts'

/** One thing wrong with a mapping: where, what, and what to do. */
export interface MappingFinding {
  level: 'error' | 'warning'
  field: string
  problem: string
  fix: string
}

/** Checks a mapping document against what the CRM says of its object. */
export async function checkMapping(app: App, input: unknown): Promise<MappingFinding[]> {
  const parsed = mappingSchema.safeParse(input)
  if (!parsed.success)
    return parsed.error.issues.map((i) => ({
      level: 'error',
      field: i.path.join('.') || '(document)',
      problem: i.message,
      fix: 'see `concordat mapping schema`',
    }))
  const document = parsed.data
  const rt = app.engine.runtimes.find((r) => r.kind === document.crm)
  if (!rt)
    return [
      {
        level: 'error',
        field: '(document)',
        problem: `no ${document.crm} connection is set up`,
        fix: 'connect one first',
      },
    ]
  // Described anew: a field may have been made for this very mapping.
  const schema = await rt.connector.describe(document.object).catch(() => undefined)
  if (!schema)
    return [
      {
        level: 'error',
        field: 'object',
        problem: `${rt.name} has no object ${document.object}, or the integration user cannot see it`,
        fix: 'check the name, or grant access to it',
      },
    ]
  const compiled = compileMapping(document, schema)
  const findings: MappingFinding[] = compiled.missing.map((m) => ({
    level: 'error',
    field: m.field,
    problem: m.message,
    fix: `create ${m.column}, grant access to it, or take ${m.field} out of the mapping`,
  }))
  for (const f of compiled.fields) {
    const column = schema.fields[f.column]
    const direction = fieldMapping(document.fields[f.name]!).direction
    if (column && direction !== 'in' && document.write && !column.updatable && !column.creatable)
      findings.push({
        level: 'error',
        field: f.name,
        problem: `${f.column} cannot be written`,
        fix: 'set its direction to in',
      })
    const values = f.mapping.groups
      ? (Object.assign({}, ...Object.values(f.mapping.groups)) as Record<string, unknown>)
      : f.mapping.values
    if (values && column?.options) {
      for (const o of column.options)
        if (o.active && !(o.value in values))
          findings.push({
            level: 'warning',
            field: f.name,
            problem: `value "${o.value}" of ${f.column} is not mapped`,
            fix: 'add it to values; until then the field of such records is left alone',
          })
      for (const v of Object.keys(values))
        if (!column.options.some((o) => o.value === v))
          findings.push({
            level: 'warning',
            field: f.name,
            problem: `"${v}" is no value of ${f.column}`,
            fix: 'take it out, or add the value in the CRM',
          })
    }
    if (values && !f.mapping.lossy) {
      const canonical = Object.values(values).map(String)
      const twice = canonical.find((v, i) => canonical.indexOf(v) !== i)
      if (twice !== undefined && !f.mapping.groups)
        findings.push({
          level: 'error',
          field: f.name,
          problem: `several values map to "${twice}", so it is not clear which one to write`,
          fix: 'say `lossy: true` and name the value to write under `write`',
        })
    }
  }
  if (document.write && !document.externalId)
    findings.push({
      level: 'error',
      field: 'externalId',
      problem: 'records are created here, but no field holds their Concordat id',
      fix: 'name a unique text field as externalId',
    })
  if (document.externalId && !schema.fields[document.externalId])
    findings.push({
      level: 'error',
      field: 'externalId',
      problem: `${document.object} has no field ${document.externalId}`,
      fix: `create ${document.externalId} as a unique text field`,
    })
  if (document.externalId && schema.fields[document.externalId] && !schema.fields[document.externalId]!.unique)
    findings.push({
      level: 'error',
      field: 'externalId',
      problem: `${document.externalId} is not unique: a repeated create could make a twin`,
      fix: 'make it unique',
    })
  const covered = new Set([...compiled.fields.filter((f) => f.writes).map((f) => f.column), ...Object.keys(document.onCreate)])
  if (document.write)
    for (const column of Object.values(schema.fields))
      if (column.required && !covered.has(column.name))
        findings.push({
          level: 'error',
          field: column.name,
          problem: `${column.name} must be filled in to create a ${document.object}, and nothing is mapped to it`,
          fix: 'map a field to it, or give it a value under onCreate',
        })
  return findings
}
