import type { PipelineDef } from './schema.ts'

/** Stages that records go through, as a new portal has them. */

export const LIFECYCLE =
  'Subscriber=subscriber|Lead=lead|Marketing Qualified Lead=marketingqualifiedlead|Sales Qualified Lead=salesqualifiedlead|Opportunity=opportunity|Customer=customer|Evangelist=evangelist|Other=other'

export const DEAL_PIPELINE: PipelineDef = {
  id: 'default',
  label: 'Sales Pipeline',
  displayOrder: 0,
  stages: (
    [
      ['appointmentscheduled', 'Appointment Scheduled', '0.2'],
      ['qualifiedtobuy', 'Qualified To Buy', '0.4'],
      ['presentationscheduled', 'Presentation Scheduled', '0.6'],
      ['decisionmakerboughtin', 'Decision Maker Bought-In', '0.8'],
      ['contractsent', 'Contract Sent', '0.9'],
      ['closedwon', 'Closed Won', '1.0'],
      ['closedlost', 'Closed Lost', '0.0'],
    ] as const
  ).map(([id, label, probability], i) => ({
    id,
    label,
    displayOrder: i,
    metadata: { isClosed: String(i > 4), probability },
  })),
}

export const CONTACT_PIPELINE: PipelineDef = {
  id: 'contacts-lifecycle-pipeline',
  label: 'Lifecycle Stage Pipeline',
  displayOrder: 0,
  stages: LIFECYCLE.split('|').map((stage, i) => {
    const [label, id] = stage.split('=') as [string, string]
    return { id, label, displayOrder: i, metadata: { isClosed: 'false', state: 'OPEN' } }
  }),
}
