import { isoTime } from '../time.ts'
import type { Obj } from './model.ts'
import type { TypeDef } from './schema.ts'

/** Properties that HubSpot computes from others and that come with every create and update. */

interface Calculation {
  /** First year of the API that has it. */
  since: number
  of: (obj: Obj) => string | null
}

const always =
  (value: string): Calculation['of'] =>
  () =>
    value

const CALCULATIONS: Record<string, Record<string, Calculation>> = {
  contacts: {
    hs_all_contact_vids: { since: 2022, of: (o) => [o.id, ...o.merged].join(';') },
    hs_is_contact: { since: 2022, of: always('true') },
    hs_is_unworked: { since: 2022, of: (o) => String(!o.properties.hs_lead_status) },
    hs_pipeline: { since: 2022, of: always('contacts-lifecycle-pipeline') },
    hs_full_name_or_email: {
      since: 2023,
      of: (o) => [o.properties.firstname, o.properties.lastname].filter(Boolean).join(' ') || (o.properties.email ?? null),
    },
  },
  companies: {
    hs_pipeline: { since: 2023, of: always('companies-lifecycle-pipeline') },
    hs_task_label: { since: 2023, of: (o) => o.properties.name ?? null },
    hs_v2_date_entered_current_stage: { since: 2023, of: (o) => isoTime(o.created) },
    hs_v2_time_in_current_stage: { since: 2023, of: (o) => isoTime(o.created) },
  },
}

/** Names of a type's calculated properties in a year of the API. */
export const calculatedNames = (year: number, def: TypeDef): string[] =>
  Object.entries(CALCULATIONS[def.name] ?? {})
    .filter(([, c]) => c.since <= year)
    .map(([name]) => name)

/** How a property is calculated; undefined when it is not, or was not in that year. */
export function calculation(year: number, def: TypeDef, name: string): Calculation['of'] | undefined {
  const found = CALCULATIONS[def.name]?.[name]
  return found && found.since <= year ? found.of : undefined
}
