import { PERSON } from '../salesforce/model.ts'
import { type Known, type Making, PERSON_SOURCE, type Rows } from './making.ts'
import { DEAL_TOPICS, PRODUCTS } from './words.ts'

const STAGE_PAIRS = [
  ['Prospecting', 'appointmentscheduled'],
  ['Qualification', 'qualifiedtobuy'],
  ['Needs Analysis', 'qualifiedtobuy'],
  ['Proposal/Price Quote', 'presentationscheduled'],
  ['Negotiation/Review', 'contractsent'],
  ['Negotiation/Review', 'decisionmakerboughtin'],
  ['Closed Won', 'closedwon'],
  ['Closed Lost', 'closedlost'],
] as const

type Product = (typeof PRODUCTS)[number] & { id: string }

/** The products that deals are about. */
export const makeProducts = ({ org }: Making): Product[] =>
  PRODUCTS.map((p) => ({
    ...p,
    id: org.create('Product2', { Name: p.name, ProductCode: p.name.toUpperCase().replace(' ', '-'), IsActive: true }, PERSON),
  }))

/** Makes the deals of the accounts in both CRMs. */
export function makeDeals(
  making: Making,
  products: Product[],
  partners: Known[],
  accounts: Known[],
  contactsOf: Map<Known, Rows[]>,
): void {
  const { org, portal, random, options, shared, extra, clean, dirty, users, owners, truth } = making
  const dealNames = new Set<string>()
  const now = org.clock.now()
  const totalDeals = options.deals + Math.round(options.deals * extra)
  const hubspotOnly = accounts.filter((a) => a.hubspot)
  for (let i = 0; i < totalDeals; i++) {
    const own = i >= options.deals
    const at = own ? hubspotOnly[i % hubspotOnly.length]! : accounts[i % options.accounts]!
    const product = random.pick(products)
    const quantity = random.int(1, 40)
    const [topic, year] = [random.pick(DEAL_TOPICS), 2025 + random.int(0, 2)]
    let name = `${at.company.name} - ${product.name} ${topic} ${year}`
    for (let n = 2; dealNames.has(name); n++) name = `${at.company.name} - ${product.name} ${topic} ${year} #${n}`
    dealNames.add(name)
    const [sfStage, hsStage] = random.pick(STAGE_PAIRS)
    const amount = product.price * quantity
    const close = new Date(now + random.int(-300, 300) * 86_400_000).toISOString().slice(0, 10)
    const partner = random.chance(0.2) ? random.pick(partners) : undefined
    const row: Rows = {}
    const isNew = random.chance(0.6)
    const people = contactsOf.get(at) ?? []
    const contact = people.length > 0 ? random.pick(people) : undefined
    // Some opportunities were typed without an account; those exist in Salesforce only.
    const orphan = !own && dirty(0.02)
    if (!own && at.salesforce) {
      row.salesforce = org.create(
        'Opportunity',
        {
          Name: name,
          AccountId: orphan ? null : at.salesforce,
          Amount: amount,
          StageName: sfStage,
          CloseDate: close,
          Type: isNew ? 'New Customer' : 'Existing Customer - Upgrade',
          OwnerId: users[at.company.owner],
          NextStep: dirty(0.5) ? null : 'Send proposal',
          Description: dirty(0.7) ? null : `About ${product.name} for ${at.company.name}.`,
          Concordat_Source__c: partner ? 'Partner sourced' : 'Direct',
          ...(partner?.salesforce && { Concordat_Partner__c: partner.salesforce }),
        },
        PERSON,
      )
      org.create(
        'OpportunityLineItem',
        {
          OpportunityId: row.salesforce,
          Product2Id: product.id,
          Quantity: quantity,
          UnitPrice: product.price,
        },
        PERSON,
      )
      if (contact?.salesforce)
        org.create(
          'OpportunityContactRole',
          {
            OpportunityId: row.salesforce,
            ContactId: contact.salesforce,
            Role: 'Decision Maker',
            IsPrimary: true,
          },
          PERSON,
        )
    }
    if (!orphan && at.hubspot && (own || clean || random.chance(shared / 0.7))) {
      row.hubspot = portal.create(
        'deals',
        {
          dealname: dirty(0.1) ? name.replace(' - ', ': ') : name,
          amount: dirty(0.05) ? String(amount * 0.995) : String(amount),
          pipeline: 'default',
          dealstage: hsStage,
          closedate: `${close}T${dirty(0.5) ? '15:30:00' : '00:00:00'}.000Z`,
          dealtype: isNew ? 'newbusiness' : 'existingbusiness',
          hubspot_owner_id: owners[at.company.owner],
          hs_next_step: dirty(0.6) ? null : 'Send proposal',
          ...(clean && { description: `About ${product.name} for ${at.company.name}.` }),
          concordat_source: partner ? 'partner_sourced' : 'direct',
        },
        PERSON_SOURCE,
      ).id
      portal.associate('deals', row.hubspot, 'companies', at.hubspot, 'HUBSPOT_DEFINED', 5, PERSON_SOURCE)
      const label = portal.associationTypes('deals', 'companies').find((t) => t.label === 'Partner')
      if (partner?.hubspot && label)
        portal.associate('deals', row.hubspot, 'companies', partner.hubspot, label.category, label.typeId, PERSON_SOURCE)
      const primary = portal.associationTypes('deals', 'contacts').find((t) => t.label === 'Primary contact')
      if (contact?.hubspot && primary)
        portal.associate('deals', row.hubspot, 'contacts', contact.hubspot, primary.category, primary.typeId, PERSON_SOURCE)
      const item = portal.create(
        'line_items',
        { name: product.name, quantity: String(quantity), price: String(product.price) },
        PERSON_SOURCE,
      )
      portal.associate('deals', row.hubspot, 'line_items', item.id, 'HUBSPOT_DEFINED', 19, PERSON_SOURCE)
    }
    if (row.salesforce || row.hubspot) truth.deal!.push(row)
  }
}
