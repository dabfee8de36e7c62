import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Portal } from '../hubspot/portal.ts'
import type { Org } from '../salesforce/org.ts'
import { ImportError, type ImportReport } from './csv.ts'
import { importHubspot } from './import-hubspot.ts'
import { importSalesforce, type Pointer, setPointers } from './import-salesforce.ts'

/** Objects that others point at come first. */
const SALESFORCE_ORDER = [
  'User',
  'Account',
  'Contact',
  'Product2',
  'Opportunity',
  'OpportunityLineItem',
  'OpportunityContactRole',
  'Lead',
]

const HUBSPOT_ORDER = ['owners', 'companies', 'contacts', 'line_items', 'deals']

/**
 * Fills the two local CRMs from CSV exports: `salesforce/<Object>.csv` and `hubspot/<type>.csv`. Headers
 * are API names or labels, ids are kept, unknown columns become custom fields. What a CRM would refuse is
 * reported with its file and line, and the rest of the row is kept.
 */
export async function importFolder(folder: string, org: Org, portal: Portal): Promise<ImportReport> {
  const report: ImportReport = { rows: {}, problems: [] }
  const files = (crm: string, order: string[]) => {
    const path = join(folder, crm)
    if (!existsSync(path)) return []
    const rank = (f: string) => (order.indexOf(f.slice(0, -4)) + 100) % 100
    return readdirSync(path)
      .filter((f) => f.endsWith('.csv'))
      .sort((a, b) => rank(a) - rank(b))
      .map((f) => ({ name: f.slice(0, -4), path: join(path, f), label: `${crm}/${f}` }))
  }
  const [sf, hs] = [files('salesforce', SALESFORCE_ORDER), files('hubspot', HUBSPOT_ORDER)]
  if (sf.length + hs.length === 0)
    throw new ImportError(
      `${folder} holds no salesforce/*.csv and no hubspot/*.csv; put exports there, e.g. salesforce/Account.csv`,
    )
  const pointers: Pointer[] = []
  for (const file of sf) report.rows[file.label] = await importSalesforce(file, org, report, pointers)
  setPointers(org, pointers, report)
  for (const file of hs) report.rows[file.label] = await importHubspot(file, portal, report)
  return report
}
