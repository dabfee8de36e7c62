/** Properties, pipelines and association types of the sandbox's portal, as compact tables. */

export interface PropertyDef {
  name: string
  label: string
  type: 'string' | 'number' | 'date' | 'datetime' | 'bool' | 'enumeration' | 'phone_number'
  fieldType: string
  groupName: string
  options: { label: string; value: string; description?: string; displayOrder: number; hidden: boolean }[]
  hasUniqueValue: boolean
  calculated: boolean
  readOnly: boolean
  hubspotDefined: boolean
  description: string
  /** Set when a person or app made it (custom properties). */
  createdAt?: string
  updatedAt?: string
  multiple: boolean
}

export interface TypeDef {
  /** `companies`: the name in paths. */
  name: string
  singular: string
  /** `0-2`. */
  typeId: string
  properties: Map<string, PropertyDef>
  /** Property that mirrors `updatedAt`; contacts alone call it `lastmodifieddate`. */
  modified: 'lastmodifieddate' | 'hs_lastmodifieddate'
  pipelines: PipelineDef[]
  custom: boolean
  labels: { singular: string; plural: string }
  requiredProperties: string[]
  primaryDisplayProperty: string
  secondaryDisplayProperties: string[]
  searchableProperties: string[]
  createdAt: number
}

export interface PipelineDef {
  id: string
  label: string
  displayOrder: number
  stages: { id: string; label: string; displayOrder: number; metadata: Record<string, string> }[]
}

export interface AssociationDef {
  from: string
  to: string
  category: 'HUBSPOT_DEFINED' | 'USER_DEFINED'
  typeId: number
  inverseId: number
  label: string | null
  inverseLabel: string | null
  /** At most one of this type leaves a record (primary company, parent). */
  single?: 'from' | 'to'
  /** The unlabelled type that comes with it. */
  implies?: number
}

const titled = (name: string) =>
  name
    .replace(/^hs_/, '')
    .replaceAll('_', ' ')
    .replace(/^./, (c) => c.toUpperCase())

const FIELD_TYPES: Record<PropertyDef['type'], string> = {
  string: 'text',
  number: 'number',
  date: 'date',
  datetime: 'date',
  bool: 'booleancheckbox',
  enumeration: 'select',
  phone_number: 'phonenumber',
}

/** One property from `name type flags [a|b]`: `ro` read only, `calc`, `uniq`, `multi`, `area`, `custom`. */
export function property(line: string, group = 'information'): PropertyDef {
  const match = /^(\w+) (\w+)([^[]*)(?:\[(.*)\])?$/.exec(line.trim())
  if (!match) throw new Error(`bad property line: ${line}`)
  const [, name, type, flagText, values] = match as unknown as [string, string, PropertyDef['type'], string, string?]
  const flags = flagText.trim().split(' ')
  const fieldType = flags.includes('multi') ? 'checkbox' : flags.includes('area') ? 'textarea' : FIELD_TYPES[type]
  const options = type === 'bool' ? ['Yes=true', 'No=false'] : (values?.split('|') ?? [])
  return {
    name,
    type,
    fieldType,
    groupName: group,
    label: titled(name),
    description: '',
    options: options.map((o, i) => {
      const [label, value = label] = o.split('=') as [string, string?]
      return { label, value, displayOrder: i, hidden: false }
    }),
    hasUniqueValue: flags.includes('uniq'),
    calculated: flags.includes('calc'),
    readOnly: flags.includes('ro') || flags.includes('calc'),
    hubspotDefined: !flags.includes('custom'),
    multiple: flags.includes('multi'),
  }
}

const COMMON = `
  hs_object_id number ro
  hs_object_source string ro
  hs_object_source_id string ro
  hs_object_source_label string ro
  hs_created_by_user_id number ro
  hs_updated_by_user_id number ro
  hs_merged_object_ids string ro
  hubspot_owner_id enumeration
  hubspot_owner_assigneddate datetime ro
  hubspot_team_id enumeration
  concordat_id string uniq custom`

/** HubSpot's industries; the portal refuses anything else. */
const INDUSTRIES =
  'ACCOUNTING|AIRLINES_AVIATION|ALTERNATIVE_MEDICINE|APPAREL_FASHION|ARCHITECTURE_PLANNING|ARTS_AND_CRAFTS|AUTOMOTIVE|AVIATION_AEROSPACE|BANKING|BIOTECHNOLOGY|BROADCAST_MEDIA|BUILDING_MATERIALS|BUSINESS_SUPPLIES_AND_EQUIPMENT|CAPITAL_MARKETS|CHEMICALS|CIVIC_SOCIAL_ORGANIZATION|CIVIL_ENGINEERING|COMMERCIAL_REAL_ESTATE|COMPUTER_NETWORK_SECURITY|COMPUTER_GAMES|COMPUTER_HARDWARE|COMPUTER_NETWORKING|COMPUTER_SOFTWARE|INTERNET|CONSTRUCTION|CONSUMER_ELECTRONICS|CONSUMER_GOODS|CONSUMER_SERVICES|COSMETICS|DAIRY|DEFENSE_SPACE|DESIGN|EDUCATION_MANAGEMENT|E_LEARNING|ELECTRICAL_ELECTRONIC_MANUFACTURING|ENTERTAINMENT|ENVIRONMENTAL_SERVICES|EVENTS_SERVICES|FACILITIES_SERVICES|FARMING|FINANCIAL_SERVICES|FINE_ART|FISHERY|FOOD_BEVERAGES|FOOD_PRODUCTION|FUND_RAISING|FURNITURE|GAMBLING_CASINOS|GLASS_CERAMICS_CONCRETE|GOVERNMENT_ADMINISTRATION|GOVERNMENT_RELATIONS|GRAPHIC_DESIGN|HEALTH_WELLNESS_AND_FITNESS|HIGHER_EDUCATION|HOSPITAL_HEALTH_CARE|HOSPITALITY|HUMAN_RESOURCES|IMPORT_AND_EXPORT|INDIVIDUAL_FAMILY_SERVICES|INDUSTRIAL_AUTOMATION|INFORMATION_SERVICES|INFORMATION_TECHNOLOGY_AND_SERVICES|INSURANCE|INVESTMENT_BANKING|INVESTMENT_MANAGEMENT|LAW_PRACTICE|LEGAL_SERVICES|LEISURE_TRAVEL_TOURISM|LOGISTICS_AND_SUPPLY_CHAIN|LUXURY_GOODS_JEWELRY|MACHINERY|MANAGEMENT_CONSULTING|MARITIME|MARKETING_AND_ADVERTISING|MECHANICAL_OR_INDUSTRIAL_ENGINEERING|MEDIA_PRODUCTION|MEDICAL_DEVICES|MEDICAL_PRACTICE|MENTAL_HEALTH_CARE|MILITARY|MINING_METALS|MOTION_PICTURES_AND_FILM|MUSIC|NANOTECHNOLOGY|NEWSPAPERS|NON_PROFIT_ORGANIZATION_MANAGEMENT|OIL_ENERGY|ONLINE_MEDIA|OUTSOURCING_OFFSHORING|PACKAGE_FREIGHT_DELIVERY|PACKAGING_AND_CONTAINERS|PAPER_FOREST_PRODUCTS|PERFORMING_ARTS|PHARMACEUTICALS|PHILANTHROPY|PHOTOGRAPHY|PLASTICS|PRIMARY_SECONDARY_EDUCATION|PRINTING|PROFESSIONAL_TRAINING_COACHING|PUBLIC_POLICY|PUBLIC_RELATIONS_AND_COMMUNICATIONS|PUBLIC_SAFETY|PUBLISHING|RANCHING|REAL_ESTATE|RECREATIONAL_FACILITIES_AND_SERVICES|RELIGIOUS_INSTITUTIONS|RENEWABLES_ENVIRONMENT|RESEARCH|RESTAURANTS|RETAIL|SECURITY_AND_INVESTIGATIONS|SEMICONDUCTORS|SHIPBUILDING|SPORTING_GOODS|SPORTS|STAFFING_AND_RECRUITING|SUPERMARKETS|TELECOMMUNICATIONS|TEXTILES|TRANSPORTATION_TRUCKING_RAILROAD|UTILITIES|VENTURE_CAPITAL_PRIVATE_EQUITY|WAREHOUSING|WHOLESALE|WINE_AND_SPIRITS|WIRELESS|WRITING_AND_EDITING'

const LIFECYCLE =
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

const CONTACT_PIPELINE: PipelineDef = {
  id: 'contacts-lifecycle-pipeline',
  label: 'Lifecycle Stage Pipeline',
  displayOrder: 0,
  stages: LIFECYCLE.split('|').map((stage, i) => {
    const [label, id] = stage.split('=') as [string, string]
    return { id, label, displayOrder: i, metadata: { isClosed: 'false', state: 'OPEN' } }
  }),
}

function type(name: string, singular: string, typeId: string, lines: string, options: Partial<TypeDef> = {}): TypeDef {
  const modified = options.modified ?? 'hs_lastmodifieddate'
  const created = ['contacts', 'companies', 'deals', 'tickets'].includes(name) ? 'createdate' : 'hs_createdate'
  const all = `${COMMON}\n${created} datetime ro\n${modified} datetime ro\n${lines}`
  const group = `${singular}information`
  return {
    name,
    singular,
    typeId,
    modified,
    pipelines: [],
    custom: false,
    requiredProperties: [],
    primaryDisplayProperty: 'name',
    secondaryDisplayProperties: [],
    searchableProperties: [],
    createdAt: Date.parse('2020-02-29T03:30:17Z'),
    labels: { singular: titled(singular), plural: titled(name) },
    properties: new Map(
      all
        .split('\n')
        .map((l) => l.trim())
        .filter(Boolean)
        .map((l) => property(l, group))
        .map((p) => [p.name, p]),
    ),
    ...options,
  }
}

/** The stock object types, with the properties that Concordat's setup adds. */
export function standardTypes(): TypeDef[] {
  return [
    type(
      'contacts',
      'contact',
      '0-1',
      `
      email string
      firstname string
      lastname string
      phone string
      mobilephone string
      jobtitle string
      company string
      website string
      address string
      city string
      state string
      zip string
      country string
      lifecyclestage enumeration [${LIFECYCLE}]
      hs_lead_status enumeration [New=NEW|Open=OPEN|In Progress=IN_PROGRESS|Unqualified=UNQUALIFIED]
      associatedcompanyid number ro
      hs_email_domain string calc
      hs_all_contact_vids string calc
      hs_pipeline enumeration calc
      hs_is_contact bool calc
      hs_is_unworked bool calc
      hs_full_name_or_email string calc
      salesforcecontactid string
      salesforceleadid string
      notes_last_contacted datetime ro
      lastmodifieddate datetime ro
      concordat_partner_id string custom`,
      { modified: 'lastmodifieddate', primaryDisplayProperty: 'email', pipelines: [CONTACT_PIPELINE] },
    ),
    type(
      'companies',
      'company',
      '0-2',
      `
      name string
      domain string
      website string
      phone string
      industry enumeration [${INDUSTRIES}]
      numberofemployees number
      annualrevenue number
      address string
      address2 string
      city string
      state string
      zip string
      country string
      description string area
      type enumeration [Prospect=PROSPECT|Partner=PARTNER|Reseller=RESELLER|Vendor=VENDOR|Other=OTHER]
      lifecyclestage enumeration [${LIFECYCLE}]
      hs_lead_status enumeration [New=NEW|Open=OPEN|In Progress=IN_PROGRESS|Unqualified=UNQUALIFIED]
      timezone string
      hs_pipeline enumeration calc
      hs_task_label string calc
      hs_v2_date_entered_current_stage datetime calc
      hs_v2_time_in_current_stage datetime calc
      hs_parent_company_id number ro
      num_associated_contacts number calc
      num_associated_deals number calc
      salesforceaccountid string
      notes_last_updated datetime ro
      concordat_partner_id string custom`,
    ),
    type(
      'deals',
      'deal',
      '0-3',
      `
      dealname string
      amount number
      deal_currency_code enumeration [US Dollar=USD|Euro=EUR|Pound Sterling=GBP]
      pipeline enumeration
      dealstage enumeration
      closedate datetime
      dealtype enumeration [New Business=newbusiness|Existing Business=existingbusiness]
      hs_next_step string
      description string area
      hs_deal_stage_probability number calc
      hs_is_closed bool calc
      hs_is_closed_won bool calc
      hs_forecast_amount number calc
      hs_priority enumeration [Low=low|Medium=medium|High=high]
      closed_lost_reason string area
      closed_won_reason string area
      days_to_close number calc
      salesforceopportunityid string
      concordat_source enumeration custom [Direct=direct|Partner sourced=partner_sourced|Partner influenced=partner_influenced]
      concordat_partner_id string custom
      concordat_primary_contact string custom`,
      { pipelines: [DEAL_PIPELINE], primaryDisplayProperty: 'dealname' },
    ),
    type(
      'tickets',
      'ticket',
      '0-5',
      `
      subject string
      content string area
      hs_pipeline enumeration
      hs_pipeline_stage enumeration
      hs_ticket_priority enumeration [Low=LOW|Medium=MEDIUM|High=HIGH]`,
      {
        primaryDisplayProperty: 'subject',
        pipelines: [
          {
            id: '0',
            label: 'Support Pipeline',
            displayOrder: 0,
            stages: ['New', 'Waiting on contact', 'Waiting on us', 'Closed'].map((label, i) => ({
              id: String(i + 1),
              label,
              displayOrder: i,
              metadata: { isClosed: String(i === 3), ticketState: i === 3 ? 'CLOSED' : 'OPEN' },
            })),
          },
        ],
      },
    ),
    type(
      'products',
      'product',
      '0-7',
      `
      name string
      description string area
      price number
      hs_sku string`,
    ),
    type(
      'line_items',
      'line_item',
      '0-8',
      `
      name string
      hs_product_id number
      quantity number
      price number
      amount number calc
      hs_sku string`,
    ),
    type(
      'leads',
      'lead',
      '0-136',
      `
      hs_lead_name string
      hs_lead_type enumeration [New business=NEW_BUSINESS|Upsell=UPSELL|Re-attempting=RE_ATTEMPTING]
      hs_lead_label enumeration [Hot=HOT|Warm=WARM|Cold=COLD]
      hs_pipeline enumeration
      hs_pipeline_stage enumeration`,
      { primaryDisplayProperty: 'hs_lead_name' },
    ),
    type('notes', 'note', '0-46', 'hs_note_body string area\n hs_timestamp datetime', {
      primaryDisplayProperty: 'hs_note_body',
    }),
    type(
      'tasks',
      'task',
      '0-27',
      'hs_task_subject string\n hs_task_body string area\n hs_task_status enumeration [Not started=NOT_STARTED|Completed=COMPLETED]\n hs_task_priority enumeration [Low=LOW|Medium=MEDIUM|High=HIGH|None=NONE]\n hs_task_type string\n hs_timestamp datetime',
      { primaryDisplayProperty: 'hs_task_subject' },
    ),
    type(
      'concordat_registration',
      'concordat_registration',
      '2-1001',
      `
      deal_name string
      submitted_by string
      account_name string
      account_domain string
      country string
      contact_name string
      contact_email string
      contact_phone string
      product string
      amount number
      expected_close_date date
      status enumeration [Submitted=submitted|Under review=under_review|Approved=approved|Rejected=rejected|Expired=expired|Withdrawn=withdrawn]
      submitted_at datetime
      decided_at datetime
      protected_until date
      reason string area
      concordat_partner_id string custom`,
      { custom: true, primaryDisplayProperty: 'deal_name', requiredProperties: ['deal_name'] },
    ),
  ]
}

/** Association types between object types (names as in paths). Ids of HubSpot's own are the documented ones. */
export const ASSOCIATIONS: AssociationDef[] = [
  {
    from: 'contacts',
    to: 'companies',
    category: 'HUBSPOT_DEFINED',
    typeId: 279,
    inverseId: 280,
    label: null,
    inverseLabel: null,
  },
  {
    from: 'contacts',
    to: 'companies',
    category: 'HUBSPOT_DEFINED',
    typeId: 1,
    inverseId: 2,
    label: 'Primary',
    inverseLabel: 'Primary',
    single: 'from',
    implies: 279,
  },
  {
    from: 'deals',
    to: 'contacts',
    category: 'HUBSPOT_DEFINED',
    typeId: 3,
    inverseId: 4,
    label: null,
    inverseLabel: null,
  },
  {
    from: 'deals',
    to: 'companies',
    category: 'HUBSPOT_DEFINED',
    typeId: 341,
    inverseId: 342,
    label: null,
    inverseLabel: null,
  },
  {
    from: 'deals',
    to: 'companies',
    category: 'HUBSPOT_DEFINED',
    typeId: 5,
    inverseId: 6,
    label: 'Primary',
    inverseLabel: 'Primary',
    single: 'from',
    implies: 341,
  },
  {
    from: 'companies',
    to: 'companies',
    category: 'HUBSPOT_DEFINED',
    typeId: 14,
    inverseId: 13,
    label: 'Parent Company',
    inverseLabel: 'Child Company',
    single: 'from',
  },
  {
    from: 'tickets',
    to: 'companies',
    category: 'HUBSPOT_DEFINED',
    typeId: 339,
    inverseId: 340,
    label: null,
    inverseLabel: null,
  },
  {
    from: 'tickets',
    to: 'contacts',
    category: 'HUBSPOT_DEFINED',
    typeId: 16,
    inverseId: 15,
    label: null,
    inverseLabel: null,
  },
  {
    from: 'deals',
    to: 'line_items',
    category: 'HUBSPOT_DEFINED',
    typeId: 19,
    inverseId: 20,
    label: null,
    inverseLabel: null,
  },
  {
    from: 'leads',
    to: 'contacts',
    category: 'HUBSPOT_DEFINED',
    typeId: 578,
    inverseId: 579,
    label: 'Primary',
    inverseLabel: null,
    single: 'from',
  },
  {
    from: 'notes',
    to: 'companies',
    category: 'HUBSPOT_DEFINED',
    typeId: 190,
    inverseId: 189,
    label: null,
    inverseLabel: null,
  },
  {
    from: 'notes',
    to: 'contacts',
    category: 'HUBSPOT_DEFINED',
    typeId: 202,
    inverseId: 201,
    label: null,
    inverseLabel: null,
  },
  {
    from: 'notes',
    to: 'deals',
    category: 'HUBSPOT_DEFINED',
    typeId: 214,
    inverseId: 213,
    label: null,
    inverseLabel: null,
  },
  {
    from: 'tasks',
    to: 'companies',
    category: 'HUBSPOT_DEFINED',
    typeId: 192,
    inverseId: 191,
    label: null,
    inverseLabel: null,
  },
  {
    from: 'tasks',
    to: 'contacts',
    category: 'HUBSPOT_DEFINED',
    typeId: 204,
    inverseId: 203,
    label: null,
    inverseLabel: null,
  },
  {
    from: 'tasks',
    to: 'deals',
    category: 'HUBSPOT_DEFINED',
    typeId: 216,
    inverseId: 215,
    label: null,
    inverseLabel: null,
  },
]

/** The labels that Concordat's setup makes in portals whose plan has association labels. */
export const LABELS: AssociationDef[] = [
  {
    from: 'deals',
    to: 'companies',
    category: 'USER_DEFINED',
    typeId: 501,
    inverseId: 502,
    label: 'Partner',
    inverseLabel: 'Partner deal',
    implies: 341,
  },
  {
    from: 'companies',
    to: 'companies',
    category: 'USER_DEFINED',
    typeId: 503,
    inverseId: 504,
    label: 'Partner',
    inverseLabel: 'Partner of',
  },
  {
    from: 'deals',
    to: 'contacts',
    category: 'USER_DEFINED',
    typeId: 505,
    inverseId: 506,
    label: 'Primary contact',
    inverseLabel: 'Primary contact of',
    implies: 3,
  },
  {
    from: 'concordat_registration',
    to: 'companies',
    category: 'USER_DEFINED',
    typeId: 507,
    inverseId: 508,
    label: 'Partner',
    inverseLabel: 'Registration',
  },
]
