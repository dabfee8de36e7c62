import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'csv-parse/sync'

/** Public, real-shaped data written as the exports of two CRMs, and taken by the program itself: `start --once --import`. */

type Row = Record<string, string>
/** file -> rows, for each CRM's folder. */
type Exports = Record<'salesforce' | 'hubspot', Record<string, Row[]>>

const DATA = fileURLToPath(new URL('../../shared/data/', import.meta.url))
const ROOT = fileURLToPath(new URL('../', import.meta.url))

const read = (path: string): Row[] => parse(readFileSync(join(DATA, path)), { columns: true, bom: true }) as Row[]

/** A sales pipeline as Salesforce; its companies, and every second deal, as HubSpot. */
function pipeline(): Exports {
  const accounts = read('crm-demo/maven/accounts.csv')
  const deals = read('crm-demo/maven/sales_pipeline.csv')
  const stage: Record<string, string> = {
    Won: 'Closed Won',
    Lost: 'Closed Lost',
    Engaging: 'Qualification',
    Prospecting: 'Prospecting',
  }
  const label: Record<string, string> = {
    'Closed Won': 'Closed Won',
    'Closed Lost': 'Closed Lost',
    Qualification: 'Qualified To Buy',
    Prospecting: 'Appointment Scheduled',
  }
  const named = deals.map((d) => ({
    name: `${d.product} ${d.opportunity_id}`,
    account: d.account!,
    stage: stage[d.deal_stage!]!,
    amount: d.close_value!,
    close: d.close_date || '2017-12-31',
  }))
  return {
    salesforce: {
      Account: accounts.map((a) => ({
        'Account Name': a.account!,
        Employees: a.employees!,
        'Annual Revenue': a.revenue! && String(Math.round(Number(a.revenue) * 1e6)),
        'Billing Country': a.office_location!,
      })),
      Opportunity: named.map((d) => ({
        'Opportunity Name': d.name,
        'Account Name': d.account,
        Stage: d.stage,
        Amount: d.amount,
        'Close Date': d.close,
      })),
    },
    hubspot: {
      companies: accounts.map((a, i) => ({
        'Record ID': String(1_000 + i),
        'Company name': a.account!,
        'Number of Employees': a.employees!,
        'Country/Region': a.office_location!,
      })),
      deals: named
        .filter((_, i) => i % 2 === 0)
        .map((d, i) => ({
          'Record ID': String(50_000 + i),
          'Deal Name': d.name,
          'Deal Stage': label[d.stage]!,
          Pipeline: 'Sales Pipeline',
          Amount: d.amount,
          'Close Date': d.close,
          'Associated Company': d.account,
        })),
    },
  }
}

/** Two company registers, one as each CRM. */
function registers(): Exports {
  const columns = (r: Row, names: Record<string, string>) =>
    Object.fromEntries(Object.entries(names).map(([to, from]) => [to, r[from]!]))
  return {
    salesforce: {
      Account: read('companies-eu-dev/left.csv').map((r) =>
        columns(r, { 'Account Name': 'name', 'Billing Country': 'iso3', 'Billing City': 'city', 'Billing Street': 'address' }),
      ),
    },
    hubspot: {
      companies: read('companies-eu-dev/right.csv').map((r, i) => ({
        'Record ID': String(1_000 + i),
        ...columns(r, { 'Company name': 'name', 'Country/Region': 'iso3', City: 'city', 'Street Address': 'address' }),
      })),
    },
  }
}

const SETS = { 'a sales pipeline': pipeline, 'two company registers': registers }

export async function benchImport() {
  if (!existsSync(DATA)) throw new Error(`the data sets are not beside this folder: ${DATA}`)
  const results = []
  for (const [name, make] of Object.entries(SETS)) {
    const folder = mkdtempSync(join(tmpdir(), 'concordat-exports-'))
    try {
      const rows = writeExports(folder, make())
      const { code, summary } = await runOnce(folder)
      results.push({ exports: name, rows, exit: code, ...summary })
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  return results
}

function writeExports(folder: string, exports: Exports): Record<string, number> {
  const counts: Record<string, number> = {}
  const cell = (v: string) => `"${(v ?? '').replaceAll('"', '""')}"`
  for (const [crm, files] of Object.entries(exports)) {
    mkdirSync(join(folder, crm))
    for (const [file, rows] of Object.entries(files)) {
      const head = Object.keys(rows[0]!)
      const lines = [head.map(cell).join(','), ...rows.map((r) => head.map((h) => cell(r[h]!)).join(','))]
      writeFileSync(join(folder, crm, `${file}.csv`), `${lines.join('\n')}\n`)
      counts[`${crm} ${file}`] = rows.length
    }
  }
  return counts
}

/** The program as a user starts it, on a data folder of its own. */
function runOnce(folder: string): Promise<{ code: number | null; summary: Record<string, unknown> }> {
  const child = spawn(process.execPath, [join(ROOT, 'concordat.js'), 'start', '--once', '--json', '--import', folder], {
    env: { ...process.env, CONCORDAT_HOME: join(folder, 'home'), DATABASE_URL: '', REDIS_URL: '' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (d) => {
    text += d
  })
  return new Promise((resolve, reject) =>
    child.on('close', (code) => {
      try {
        const { seconds, records, written, calls, verify } = JSON.parse(text)
        resolve({ code, summary: { seconds, records, written, calls, verify } })
      } catch (error) {
        reject(error as Error)
      }
    }),
  )
}
