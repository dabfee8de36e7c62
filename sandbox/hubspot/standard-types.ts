import { CONTACT_PIPELINE, DEAL_PIPELINE, LIFECYCLE } from './pipelines.ts'
import { defineType, type TypeDef } from './schema.ts'

/** HubSpot's industries; the portal refuses anything else. */
const INDUSTRIES =
  'ACCOUNTING|AIRLINES_AVIATION|ALTERNATIVE_MEDICINE|APPAREL_FASHION|ARCHITECTURE_PLANNING|ARTS_AND_CRAFTS|AUTOMOTIVE|AVIATION_AEROSPACE|BANKING|BIOTECHNOLOGY|BROADCAST_MEDIA|BUILDING_MATERIALS|BUSINESS_SUPPLIES_AND_EQUIPMENT|CAPITAL_MARKETS|CHEMICALS|CIVIC_SOCIAL_ORGANIZATION|CIVIL_ENGINEERING|COMMERCIAL_REAL_ESTATE|COMPUTER_NETWORK_SECURITY|COMPUTER_GAMES|COMPUTER_HARDWARE|COMPUTER_NETWORKING|COMPUTER_SOFTWARE|INTERNET|CONSTRUCTION|CONSUMER_ELECTRONICS|CONSUMER_GOODS|CONSUMER_SERVICES|COSMETICS|DAIRY|DEFENSE_SPACE|DESIGN|EDUCATION_MANAGEMENT|E_LEARNING|ELECTRICAL_ELECTRONIC_MANUFACTURING|ENTERTAINMENT|ENVIRONMENTAL_SERVICES|EVENTS_SERVICES|FACILITIES_SERVICES|FARMING|FINANCIAL_SERVICES|FINE_ART|FISHERY|FOOD_BEVERAGES|FOOD_PRODUCTION|FUND_RAISING|FURNITURE|GAMBLING_CASINOS|GLASS_CERAMICS_CONCRETE|GOVERNMENT_ADMINISTRATION|GOVERNMENT_RELATIONS|GRAPHIC_DESIGN|HEALTH_WELLNESS_AND_FITNESS|HIGHER_EDUCATION|HOSPITAL_HEALTH_CARE|HOSPITALITY|HUMAN_RESOURCES|IMPORT_AND_EXPORT|INDIVIDUAL_FAMILY_SERVICES|INDUSTRIAL_AUTOMATION|INFORMATION_SERVICES|INFORMATION_TECHNOLOGY_AND_SERVICES|INSURANCE|INVESTMENT_BANKING|INVESTMENT_MANAGEMENT|LAW_PRACTICE|LEGAL_SERVICES|LEISURE_TRAVEL_TOURISM|LOGISTICS_AND_SUPPLY_CHAIN|LUXURY_GOODS_JEWELRY|MACHINERY|MANAGEMENT_CONSULTING|MARITIME|MARKETING_AND_ADVERTISING|MECHANICAL_OR_INDUSTRIAL_ENGINEERING|MEDIA_PRODUCTION|MEDICAL_DEVICES|MEDICAL_PRACTICE|MENTAL_HEALTH_CARE|MILITARY|MINING_METALS|MOTION_PICTURES_AND_FILM|MUSIC|NANOTECHNOLOGY|NEWSPAPERS|NON_PROFIT_ORGANIZATION_MANAGEMENT|OIL_ENERGY|ONLINE_MEDIA|OUTSOURCING_OFFSHORING|PACKAGE_FREIGHT_DELIVERY|PACKAGING_AND_CONTAINERS|PAPER_FOREST_PRODUCTS|PERFORMING_ARTS|PHARMACEUTICALS|PHILANTHROPY|PHOTOGRAPHY|PLASTICS|PRIMARY_SECONDARY_EDUCATION|PRINTING|PROFESSIONAL_TRAINING_COACHING|PUBLIC_POLICY|PUBLIC_RELATIONS_AND_COMMUNICATIONS|PUBLIC_SAFETY|PUBLISHING|RANCHING|REAL_ESTATE|RECREATIONAL_FACILITIES_AND_SERVICES|RELIGIOUS_INSTITUTIONS|RENEWABLES_ENVIRONMENT|RESEARCH|RESTAURANTS|RETAIL|SECURITY_AND_INVESTIGATIONS|SEMICONDUCTORS|SHIPBUILDING|SPORTING_GOODS|SPORTS|STAFFING_AND_RECRUITING|SUPERMARKETS|TELECOMMUNICATIONS|TEXTILES|TRANSPORTATION_TRUCKING_RAILROAD|UTILITIES|VENTURE_CAPITAL_PRIVATE_EQUITY|WAREHOUSING|WHOLESALE|WINE_AND_SPIRITS|WIRELESS|WRITING_AND_EDITING'

/** The stock object types, with the properties that Concordat's setup adds. */
export function standardTypes(): TypeDef[] {
  return [
    defineType(
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
    defineType(
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
    defineType(
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
    defineType(
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
    defineType(
      'products',
      'product',
      '0-7',
      `
      name string
      description string area
      price number
      hs_sku string`,
    ),
    defineType(
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
    defineType(
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
    defineType('notes', 'note', '0-46', 'hs_note_body string area\n hs_timestamp datetime', {
      primaryDisplayProperty: 'hs_note_body',
    }),
    defineType(
      'tasks',
      'task',
      '0-27',
      'hs_task_subject string\n hs_task_body string area\n hs_task_status enumeration [Not started=NOT_STARTED|Completed=COMPLETED]\n hs_task_priority enumeration [Low=LOW|Medium=MEDIUM|High=HIGH|None=NONE]\n hs_task_type string\n hs_timestamp datetime',
      { primaryDisplayProperty: 'hs_task_subject' },
    ),
    defineType(
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
