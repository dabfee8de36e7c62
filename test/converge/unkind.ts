import type { UpdateRequest } from '../../connectors/connector.ts'
import { takeEvents } from '../../webhooks/app.ts'
import { eventsSchema } from '../../webhooks/hubspot/events.ts'
import { type Action, type Crm, EDITED, type Kind } from './history.ts'
import { columnsOf, type Field } from './people.ts'
import { LATE_MS, OBJECT, runtimeOf, type Stage, worldOf } from './stage.ts'
import { at, count, type Story, type, typed } from './story.ts'

/** What makes life hard: faults, webhooks that behave as they please, people who save just as we write, admins. */

/** A field of each kind that is mapped and that nobody edits: an admin hides it, and shows it again. */
const DRIFTING: Record<Kind, { object: string; line: string }> = {
  account: { object: 'Account', line: 'BillingStreet textarea(255)' },
  contact: { object: 'Contact', line: 'MobilePhone phone(40)' },
  deal: { object: 'Opportunity', line: 'Loss_Reason__c string(255)' },
}

/** No number of employees passes this rule. */
const RULE = { object: 'Account', field: 'NumberOfEmployees', over: 6, message: 'Too many employees' }

/** Half of the titles that people type end so. */
const TITLES = { type: 'contacts', property: 'jobtitle' }
export const FORBIDDEN = /[0-4]\.$/

export async function unkind(story: Story, action: Action, next: () => number): Promise<boolean> {
  const { stage } = story
  const [{ world }] = stage.sandboxes as [Stage['sandboxes'][number]]
  switch (action.do) {
    case 'fault':
      world.faults.add({ crm: action.crm, skip: action.skip, times: 1, action: action.action, delayMs: LATE_MS })
      if (action.action === 'land_late') stage.late = true
      return true
    case 'search_lag':
      worldOf(stage, 'hubspot').portal.searchLagMs = 4_000
      return true
    case 'late_commit':
      worldOf(stage, 'salesforce').org.lateCommitMs = 90_000
      return true
    case 'expire':
      world.sessions.expireAll()
      return true
    case 'hide': {
      const row = at(await stage.people.salesforce!.rows('account'), action.pick)
      if (row) world.org.hiddenRows.add(row.id)
      return row !== undefined
    }
    case 'drift': {
      const { object, line } = DRIFTING[action.kind]
      world.org.hide(object, [line.split(' ')[0]!])
      return true
    }
    case 'show':
      showAll(stage)
      return true
    case 'rule':
      story.ruled = true
      world.org.validationRules.splice(0, 1, RULE)
      for (const s of stage.sandboxes) s.world.configure({ hubspotRules: [{ ...TITLES, forbidden: FORBIDDEN.source }] })
      return true
    case 'webhooks':
      return arrive(stage, action.how)
    case 'meanwhile':
      stage.beforeUpdate.set(action.crm, (request) => saveMeanwhile(story, action.crm, action.pick, request, next))
      return true
    case 'edit_all': {
      const found = await stage.people.salesforce!.rows('contact')
      for (const row of found)
        await type(story, story.stage.people, 'salesforce', 'contact', row, 'jobTitle', typed('jobTitle', next()), next)
      return found.length > 0
    }
    default:
      return false
  }
}

/** Nothing is hidden or forbidden any more. @returns whether a field was. */
export function showAll(stage: Stage): boolean {
  const { org } = stage.sandboxes[0]!.world
  org.hiddenRows.clear()
  org.validationRules.splice(0)
  for (const s of stage.sandboxes) s.world.configure({ hubspotRules: [{ ...TITLES, forbidden: null }] })
  const gone = Object.values(DRIFTING).filter(({ object, line }) => !org.table(object).def.fields.has(line.split(' ')[0]!))
  for (const { object, line } of gone) org.customise(object, '', line)
  return gone.length > 0
}

/** HubSpot's events so far reach us as it pleases. */
async function arrive(stage: Stage, how: 'all' | 'twice' | 'shuffled' | 'lost'): Promise<boolean> {
  let any = false
  for (const crm of stage.crms.filter((c) => c !== 'salesforce')) {
    const { webhooks, portal } = worldOf(stage, crm)
    webhooks.setUnkind({ double: how === 'twice' ? 1 : 0, shuffle: how === 'shuffled', lose: how === 'lost' ? 0.7 : 0 })
    const events = eventsSchema.parse(webhooks.take())
    if (events.length === 0) continue
    any = true
    const rt = runtimeOf(stage, crm)
    await takeEvents(stage, { id: rt.id, portal: String(portal.id), objects: rt.objects }, events)
  }
  return any
}

/** Of one of the rows that are about to be updated somebody saves a field that is about to be written. */
async function saveMeanwhile(story: Story, crm: Crm, pick: number, request: UpdateRequest, next: () => number): Promise<void> {
  const kind = (['account', 'contact', 'deal'] as const).find((k) => OBJECT[crm][k] === request.object)
  const target = at(request.rows, pick)
  if (!kind || !target) return
  const written = EDITED[kind].filter((field: Field) => {
    const column = columnsOf(crm, kind)[field]
    // Salesforce says of long text only that it was changed: nobody can tell what it was.
    return column !== undefined && column in target.row && column !== 'Description'
  })
  const field = at<Field>(written, pick)
  const row = field && (await story.stage.people[crm]!.rows(kind)).find((r) => r.id === target.id)
  if (row && (await type(story, story.stage.people, crm, kind, row, field, typed(field, next()), next)))
    count(story, 'saved meanwhile')
}
