import type { Entity } from '../../mappings/model/model.ts'
import type { RecordRow } from '../../mappings/state.ts'
import type { Tx } from '../../store/database.ts'
import * as index from '../../store/match-index.ts'
import * as records from '../../store/records.ts'
import * as registrations from '../../store/registrations.ts'
import { type Likeness, lookFor } from '../duplicates/look.ts'
import { keyOfChildren } from '../match/canonical.ts'
import { explain } from '../match/explain.ts'
import type { Subject } from '../match/subject.ts'
import type { Rival } from './assess.ts'
import { holdsItsPlace, isOpen, type State } from './lifecycle.ts'
import { isSameClaim } from './product.ts'
import type { Rules } from './rules.ts'

/** What stands beside a registration: others that came first, deals, accounts, leads, in every CRM. */

/** Keys of registrations that hold their account and product stand apart: however many wait, those are few. */
export const CLAIM = 'claim '

export interface Beside {
  rivals: Rival[]
  /** The registration that holds the account and product. */
  holder: string | undefined
  /** Registrations that wait for the same and came before this one. */
  earlier: string[]
  /** The account that it is about, where that is certain. */
  account: string | undefined
  /** Open deals of that account that could be this one: of the same partner, or of none. */
  deals: RecordRow[]
}

export interface Claimant {
  record: RecordRow
  subject: Subject
  registration: registrations.RegistrationRow
}

const DAY_MS = 86_400_000
const text = (record: RecordRow, field: string): string | null => {
  const v = record.fields[field]?.v
  return typeof v === 'string' ? v : null
}

/** Under the locks of its keys: nothing that could be the same comes in between. */
export async function lookBeside(tx: Tx, claimant: Claimant, rules: Rules, now: number): Promise<Beside> {
  const asked = [{ entity: 'registration' as Entity, subject: claimant.subject }]
  const id = claimant.record.id
  const claims = likely(await lookFor(tx, asked, ['registration'], { counted: false, under: CLAIM }), id)
  const waiting = likely(await lookFor(tx, asked, ['registration'], { counted: false }), id)
  const others = likely(await lookFor(tx, asked, ['account', 'lead'], { counted: false }), id)
  const { rivals, holder, earlier } = await amongRegistrations(tx, claimant, claims, waiting)
  const accounts = others.filter((o) => o.record.entity === 'account')
  const deals = await dealsOf(tx, accounts, claimant, rules, now)
  rivals.push(...deals.rivals)
  for (const { record, certain, because } of others) {
    const common = { recordId: record.id, entity: record.entity, certain, because, otherProduct: false }
    if (record.entity === 'account') {
      const partner = text(record, 'partnerOfRecord')
      if (partner && partner !== claimant.registration.partnerId)
        rivals.push({ ...common, kind: 'partner_of_record', name: text(record, 'name') ?? record.id })
    } else if (!text(record, 'partner') && !text(record, 'convertedDeal') && !text(record, 'convertedAccount'))
      rivals.push({ ...common, kind: 'direct_lead', name: text(record, 'company') ?? record.id })
  }
  return {
    rivals,
    holder,
    earlier,
    account: accounts.find((a) => a.certain)?.record.id,
    deals: deals.own,
  }
}

interface Likely {
  record: RecordRow
  certain: boolean
  because: string
  probability: number
}

/** What may be the same account, the likest first. */
function likely(found: Map<string, Likeness[]>, own: string): Likely[] {
  return (found.get(own) ?? []).flatMap(({ pair, record }) => {
    const { verdict, sentence, probability } = explain(pair)
    return verdict === 'distinct' || record.id === own
      ? []
      : [{ record, certain: verdict === 'duplicate', because: sentence, probability }]
  })
}

async function amongRegistrations(
  tx: Tx,
  { record, registration }: Claimant,
  claims: Likely[],
  waiting: Likely[],
): Promise<Pick<Beside, 'rivals' | 'holder' | 'earlier'>> {
  const rows = new Map(
    (await registrations.readRegistrations(tx, [...new Set([...claims, ...waiting].map((l) => l.record.id))])).map((r) => [
      r.recordId,
      r,
    ]),
  )
  const product = text(record, 'product')
  const sameClaim = (l: Likely) => {
    const row = rows.get(l.record.id)
    return row !== undefined && holdsItsPlace(row.state as State) && isSameClaim(product, text(l.record, 'product'))
      ? row
      : undefined
  }
  const rivals: Rival[] = []
  let holder: string | undefined
  for (const l of claims) {
    const row = sameClaim(l)
    if (row?.standing !== 'first') continue
    holder ??= row.recordId
    const own = row.partnerId !== null && row.partnerId === registration.partnerId
    rivals.push({
      kind: own ? 'same_partner' : 'other_partner',
      recordId: row.recordId,
      entity: 'registration',
      name: `${text(l.record, 'dealName') ?? text(l.record, 'accountName') ?? row.recordId} (${row.state})`,
      certain: l.certain,
      otherProduct: false,
      because: l.because,
    })
  }
  const earlier = waiting.flatMap((l) => {
    const row = sameClaim(l)
    const before = row && row.standing === 'second' && isOpen(row.state as State) && row.seq !== null
    return before && (registration.seq === null || row.seq! < registration.seq) ? [row.recordId] : []
  })
  return { rivals, holder, earlier }
}

const isWon = (deal: RecordRow) => text(deal, 'stage') === 'won'
const isLost = (deal: RecordRow) => text(deal, 'stage') === 'lost'

/** Deals of the accounts: open ones, won ones, and those that were lost a short while ago. */
async function dealsOf(
  tx: Tx,
  accounts: Likely[],
  { record, registration }: Claimant,
  rules: Rules,
  now: number,
): Promise<{ rivals: Rival[]; own: RecordRow[] }> {
  const under = await index.allUnder(
    tx,
    accounts.map((a) => keyOfChildren(a.record.id)),
    'deal',
  )
  const deals = (await records.readRecords(tx, [...new Set([...under.values()].flat())])).filter((d) => !d.deleted)
  const product = text(record, 'product')
  const rivals: Rival[] = []
  const own: RecordRow[] = []
  const customers = new Set<string>()
  for (const deal of deals) {
    const account = accounts.find((a) => a.record.id === text(deal, 'account'))
    // The deal that came of this registration is no rival of it.
    if (!account || deal.id === registration.dealId) continue
    const rival = (kind: Rival['kind'], otherProduct: boolean): Rival => ({
      kind,
      recordId: deal.id,
      entity: 'deal',
      name: text(deal, 'name') ?? deal.id,
      certain: account.certain,
      otherProduct,
      because: account.because,
    })
    const sold = deal.fields.product?.v
    const products = Array.isArray(sold) ? sold.map(String) : []
    const otherProduct = products.length > 0 && product !== null && !products.some((p) => isSameClaim(product, p))
    const partner = text(deal, 'partner')
    if (isWon(deal)) {
      if (customers.has(account.record.id)) continue
      customers.add(account.record.id)
      rivals.push({
        ...rival('customer', false),
        recordId: account.record.id,
        entity: 'account',
        name: text(account.record, 'name') ?? '',
      })
    } else if (isLost(deal)) {
      const closed = text(deal, 'closeDate')
      if (closed && now - Date.parse(closed) <= rules.recently * DAY_MS) rivals.push(rival('lost_deal', otherProduct))
    } else if (partner === null) {
      rivals.push(rival('open_direct_deal', otherProduct))
      if (!otherProduct && account.certain) own.push(deal)
    } else if (partner !== registration.partnerId) rivals.push(rival('open_partner_deal', otherProduct))
    else if (!otherProduct && account.certain) own.push(deal)
  }
  // A deal of the partner's own comes before one that nobody has.
  own.sort((a, b) => Number(text(b, 'partner') !== null) - Number(text(a, 'partner') !== null) || a.createdAt - b.createdAt)
  return { rivals, own }
}
