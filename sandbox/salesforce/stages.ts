/** Win probability and state of each stage: Salesforce derives them on save. */
export const STAGES: Record<string, { probability: number; closed: boolean; won: boolean; forecast: string }> = {
  Prospecting: { probability: 10, closed: false, won: false, forecast: 'Pipeline' },
  Qualification: { probability: 10, closed: false, won: false, forecast: 'Pipeline' },
  'Needs Analysis': { probability: 20, closed: false, won: false, forecast: 'Pipeline' },
  'Value Proposition': { probability: 50, closed: false, won: false, forecast: 'Pipeline' },
  'Id. Decision Makers': { probability: 60, closed: false, won: false, forecast: 'Pipeline' },
  'Perception Analysis': { probability: 70, closed: false, won: false, forecast: 'Pipeline' },
  'Proposal/Price Quote': { probability: 75, closed: false, won: false, forecast: 'Pipeline' },
  'Negotiation/Review': { probability: 90, closed: false, won: false, forecast: 'Pipeline' },
  'Closed Won': { probability: 100, closed: true, won: true, forecast: 'Closed' },
  'Closed Lost': { probability: 0, closed: true, won: false, forecast: 'Omitted' },
}
