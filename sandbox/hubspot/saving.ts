import { HubspotError } from './errors.ts'
import type { Obj, Table } from './model.ts'
import type { Tables } from './tables.ts'
import { accept, type Refusal, refusal } from './values.ts'

/** The rules of saving a record: which values are taken, which must be unique, what HubSpot fills in. */

/** Values as they will be kept. @throws HubspotError that names every refused one. */
export function acceptAll(
  portal: Tables,
  table: Table,
  input: Record<string, unknown>,
  previous: Record<string, string | null>,
): Record<string, string | null> {
  const values: Record<string, string | null> = {}
  const refusals: Refusal[] = []
  for (const name in input) {
    const value = input[name]
    const def = table.def.properties.get(name)
    if (!def) {
      refusals.push(refusal(name, 'PROPERTY_DOESNT_EXIST', `Property "${name}" does not exist`, portal.id))
      continue
    }
    if (def.readOnly) {
      refusals.push(refusal(name, 'READ_ONLY_VALUE', `"${name}" is a read only property; its value cannot be set.`, portal.id))
      continue
    }
    const result =
      contextual(portal, table, name, value, input, previous) ?? accept(def, value, previous[name] ?? null, portal.id)
    if ('refusal' in result) refusals.push(result.refusal)
    else values[name] = result.value
  }
  if (refusals.length > 0) {
    const list = refusals.map(({ extra: _, ...r }) => r)
    throw new HubspotError(400, 'VALIDATION_ERROR', `Property values were not valid: ${JSON.stringify(list)}`, {
      errors: refusals.map((r) => r.extra),
    })
  }
  return values
}

const CONTEXTUAL = new Set(['hubspot_owner_id', 'pipeline', 'dealstage', 'deal_currency_code'])

/** Enumerations whose options live elsewhere: owners, pipelines, stages. */
function contextual(
  portal: Tables,
  table: Table,
  name: string,
  value: unknown,
  input: Record<string, unknown>,
  previous: Record<string, string | null>,
): { refusal: Refusal } | undefined {
  if (!CONTEXTUAL.has(name)) return undefined
  const text = value === null || value === undefined ? '' : String(value)
  if (text === '') return undefined
  const no = (message: string) => ({ refusal: refusal(name, 'INVALID_OPTION', message, portal.id) })
  if (name === 'hubspot_owner_id' && portal.owners.size > 0 && !portal.owners.get(text)?.active)
    return no(`${text} was not a valid owner id.`)
  if (name === 'pipeline' && table.def.pipelines.length > 0 && !table.def.pipelines.some((p) => p.id === text))
    return no(`${text} was not one of the allowed options: [${table.def.pipelines.map((p) => p.id).join(', ')}]`)
  if (name === 'dealstage') {
    const chosen = 'pipeline' in input ? String(input.pipeline ?? '') : previous.pipeline
    const pipeline = table.def.pipelines.find((p) => p.id === (chosen || table.def.pipelines[0]?.id))
    if (pipeline && !pipeline.stages.some((s) => s.id === text))
      return no(`${text} is not a valid stage of pipeline ${pipeline.id}: [${pipeline.stages.map((s) => s.id).join(', ')}]`)
  }
  if (name === 'deal_currency_code' && !portal.currencies.includes(text))
    return no(`${text} is not an active currency of this account: [${portal.currencies.join(', ')}]`)
  return undefined
}

export function checkUnique(table: Table, properties: Record<string, string | null>, self?: string): void {
  for (const [name, index] of table.unique) {
    const value = properties[name]
    const holder = value && index.get(value.toLowerCase())
    if (!holder || holder === self) continue
    if (name === 'email')
      throw new HubspotError(409, 'CONFLICT', `Contact already exists. Existing ID: ${holder}`, {
        context: { existingId: [holder] },
      })
    const list = [
      {
        isValid: false,
        message: `${holder} already has that value.`,
        error: 'CONFLICTING_UNIQUE_VALUE',
        name,
      },
    ]
    throw new HubspotError(400, 'VALIDATION_ERROR', `Property values were not valid: ${JSON.stringify(list)}`, {
      errors: [
        {
          message: `${holder} already has that value.`,
          code: 'CONFLICTING_UNIQUE_VALUE',
          context: { propertyName: [name], existingId: [holder] },
        },
      ],
      context: { existingId: [holder] },
    })
  }
}

export function defaults(year: number, table: Table, obj: Obj): void {
  const { def } = table
  const first = def.pipelines[0]
  if (def.name === 'deals' && first) obj.properties.pipeline ??= first.id
  if (def.name === 'companies' && obj.properties.domain) obj.properties.website ??= obj.properties.domain
  if (def.name === 'companies' && !obj.properties.domain && obj.properties.website) {
    const host = URL.parse(
      /^https?:/.test(obj.properties.website) ? obj.properties.website : `https://${obj.properties.website}`,
    )?.hostname
    if (host) obj.properties.domain = host.replace(/^www\./, '')
  }
  if (year > 2022 && (def.name === 'contacts' || def.name === 'companies')) obj.properties.lifecyclestage ??= 'lead'
  derive(table, obj)
}

/** What HubSpot computes on save. */
export function derive(table: Table, obj: Obj): void {
  if (table.def.name === 'deals') {
    const stage = table.def.pipelines
      .find((p) => p.id === obj.properties.pipeline)
      ?.stages.find((s) => s.id === obj.properties.dealstage)
    obj.properties.hs_deal_stage_probability = stage ? String(Number(stage.metadata.probability)) : null
    obj.properties.hs_is_closed = stage ? String(stage.metadata.isClosed === 'true') : 'false'
    obj.properties.hs_is_closed_won = stage
      ? String(stage.metadata.isClosed === 'true' && Number(stage.metadata.probability) === 1)
      : 'false'
  }
  if (table.def.name === 'contacts') {
    const email = obj.properties.email
    obj.properties.hs_email_domain = email ? email.slice(email.indexOf('@') + 1) : null
  }
}
