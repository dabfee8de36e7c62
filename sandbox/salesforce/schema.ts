import { USER_FIELDS } from './user-fields.ts'

/** The objects of the sandbox's org. A compact table; describe.ts spells it out as Salesforce does. */

export interface FieldDef {
  name: string
  type:
    | 'id'
    | 'string'
    | 'textarea'
    | 'picklist'
    | 'multipicklist'
    | 'reference'
    | 'boolean'
    | 'currency'
    | 'double'
    | 'percent'
    | 'int'
    | 'date'
    | 'datetime'
    | 'email'
    | 'phone'
    | 'url'
    | 'address'
  label: string
  length: number
  precision: number
  scale: number
  required: boolean
  createable: boolean
  updateable: boolean
  nillable: boolean
  unique: boolean
  externalId: boolean
  restricted: boolean
  values: string[]
  referenceTo: string[]
  relationshipName: string | null
  defaultValue: string | number | boolean | null
  calculated: boolean
  nameField: boolean
}

export interface ObjectDef {
  name: string
  label: string
  labelPlural: string
  prefix: string
  custom: boolean
  fields: Map<string, FieldDef>
  /** Lower-case field name -> name: SOQL and REST ignore case. */
  fieldNames: Map<string, string>
  /** Child relationship name -> object and its reference field. */
  children: Map<string, { object: string; field: string }>
}

const NUMERIC = new Set(['currency', 'double', 'percent', 'int'])

/**
 * One field from a line: `Name type(size) flags`. Sizes: text length, or precision,scale. Flags: `!`
 * required, `ro` read only, `co` create only, `ext` external id, `uniq`, `strict` restricted picklist,
 * `calc`, `name` name field, `=x` default, `>Object:Relationship` reference, `[a|b]` values.
 */
function field(line: string): FieldDef {
  const match = /^(\w+) (\w+)(?:\(([\d,]+)\))?(?: \[([^\]]*)\])?(.*)$/.exec(line.trim())
  if (!match) throw new Error(`bad field line: ${line}`)
  const [, name, type, size = '', values = '', rest = ''] = match as unknown as [
    string,
    string,
    FieldDef['type'],
    string?,
    string?,
    string?,
  ]
  const flags = rest.trim().split(' ').filter(Boolean)
  const has = (flag: string) => flags.includes(flag)
  const reference = flags
    .find((f) => f.startsWith('>'))
    ?.slice(1)
    .split(':')
  const defaultText = flags
    .find((f) => f.startsWith('='))
    ?.slice(1)
    .replaceAll('_', ' ')
  const [first = 0, second = 0] = size.split(',').map(Number)
  const numeric = NUMERIC.has(type)
  const readOnly = has('ro') || has('calc')
  return {
    name,
    type,
    label: name
      .replace(/__c$/, '')
      .replaceAll('_', ' ')
      .replace(/([a-z])([A-Z])/g, '$1 $2'),
    length: numeric
      ? 0
      : first ||
        (
          {
            string: 255,
            picklist: 255,
            multipicklist: 4099,
            email: 80,
            phone: 40,
            url: 255,
            id: 18,
            reference: 18,
          } as Record<string, number>
        )[type] ||
        0,
    precision: numeric ? first || 18 : 0,
    scale: numeric ? second : 0,
    required: has('!'),
    createable: !readOnly,
    updateable: !readOnly && !has('co'),
    nillable: !has('!') && type !== 'boolean',
    unique: has('uniq') || has('ext'),
    externalId: has('ext'),
    restricted: has('strict'),
    values: values ? values.split('|') : [],
    referenceTo: reference?.[0]?.split(',') ?? [],
    relationshipName: reference?.[1] ?? null,
    defaultValue: type === 'boolean' ? defaultText === 'true' : (defaultText ?? null),
    calculated: has('calc'),
    nameField: has('name'),
  }
}

const SYSTEM = `
  Id id ro
  IsDeleted boolean ro
  CreatedDate datetime ro
  CreatedById reference ro >User:CreatedBy
  LastModifiedDate datetime ro
  LastModifiedById reference ro >User:LastModifiedBy
  SystemModstamp datetime ro`

/** Makes an object definition from field lines; system fields come by themselves. */
export function defineObject(
  name: string,
  prefix: string,
  lines: string,
  labels: [string, string] = [name, `${name}s`],
): ObjectDef {
  // Users are never deleted.
  const system = name === 'User' ? SYSTEM.replace('IsDeleted boolean ro', '') : SYSTEM
  const fields = new Map(
    `${system}\n${lines}`
      .split('\n')
      .map((l) => l.trim())
      .filter(Boolean)
      .map(field)
      .map((f) => [f.name, f]),
  )
  return {
    name,
    prefix,
    fields,
    label: labels[0],
    labelPlural: labels[1],
    custom: name.endsWith('__c'),
    fieldNames: new Map([...fields.keys()].map((n) => [n.toLowerCase(), n])),
    children: new Map(),
  }
}

const INDUSTRIES =
  'Agriculture|Apparel|Banking|Biotechnology|Chemicals|Communications|Construction|Consulting|Education|Electronics|Energy|Engineering|Entertainment|Environmental|Finance|Food & Beverage|Government|Healthcare|Hospitality|Insurance|Machinery|Manufacturing|Media|Not For Profit|Recreation|Retail|Shipping|Technology|Telecommunications|Transportation|Utilities|Other'
const SOURCES = 'Web|Phone Inquiry|Partner Referral|Purchased List|Other'
const ADDRESS = (kind: string) => `
  ${kind}Street textarea(255)
  ${kind}City string(40)
  ${kind}State string(80)
  ${kind}PostalCode string(20)
  ${kind}Country string(80)
  ${kind}Latitude double(18,15)
  ${kind}Longitude double(18,15)
  ${kind}GeocodeAccuracy picklist [Address|NearAddress|Block|Street|ExtendedZip|Zip|Neighborhood|City|County|State|Unknown]
  ${kind}Address address ro`

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

/** The stock objects plus the fields and the object that Concordat's package adds. */
export function standardObjects(): ObjectDef[] {
  return [
    defineObject(
      'Account',
      '001',
      `
      MasterRecordId reference ro >Account:MasterRecord
      Name string(255) ! name
      Type picklist [Prospect|Customer - Direct|Customer - Channel|Channel Partner / Reseller|Installation Partner|Technology Partner|Other]
      ParentId reference >Account:Parent
      ${ADDRESS('Billing')}
      ${ADDRESS('Shipping')}
      Phone phone(40)
      Fax phone(40)
      AccountNumber string(40)
      Website url(255)
      PhotoUrl url(255) ro
      Sic string(20)
      Industry picklist [${INDUSTRIES}]
      AnnualRevenue currency(18,0)
      NumberOfEmployees int(8,0)
      Ownership picklist [Public|Private|Subsidiary|Other]
      TickerSymbol string(20)
      Description textarea(32000)
      Rating picklist [Hot|Warm|Cold]
      Site string(80)
      OwnerId reference >User:Owner
      LastActivityDate date ro
      LastViewedDate datetime ro
      LastReferencedDate datetime ro
      Jigsaw string(20)
      JigsawCompanyId string(20) ro
      AccountSource picklist [${SOURCES}]
      SicDesc string(80)
      CleanStatus picklist(40) [Matched|Different|Pending|Skipped]
      DunsNumber string(9)
      Tradestyle string(255)
      NaicsCode string(8)
      NaicsDesc string(120)
      YearStarted string(4)
      DandbCompanyId reference ro >DandBCompany:DandbCompany
      OperatingHoursId reference ro >OperatingHours:OperatingHours
      Concordat_Id__c string(64) ext
      Concordat_Partner__c reference >Account:Concordat_Partner__r`,
      ['Account', 'Accounts'],
    ),
    defineObject(
      'Contact',
      '003',
      `
      MasterRecordId reference ro >Contact:MasterRecord
      AccountId reference >Account:Account
      LastName string(80) !
      FirstName string(40)
      Salutation picklist [Mr.|Ms.|Mrs.|Dr.|Prof.]
      Name string(121) ro name
      ${ADDRESS('Other')}
      ${ADDRESS('Mailing')}
      Phone phone(40)
      Fax phone(40)
      MobilePhone phone(40)
      HomePhone phone(40)
      OtherPhone phone(40)
      AssistantPhone phone(40)
      ReportsToId reference >Contact:ReportsTo
      Email email(80)
      Title string(128)
      Department string(80)
      AssistantName string(40)
      LeadSource picklist [${SOURCES}]
      Birthdate date
      Description textarea(32000)
      OwnerId reference >User:Owner
      HasOptedOutOfEmail boolean =false
      LastActivityDate date ro
      EmailBouncedReason string(255) ro
      EmailBouncedDate datetime ro
      IsEmailBounced boolean ro
      PhotoUrl url(255) ro
      LastCURequestDate datetime ro
      LastCUUpdateDate datetime ro
      LastViewedDate datetime ro
      LastReferencedDate datetime ro
      Jigsaw string(20)
      JigsawContactId string(20) ro
      CleanStatus picklist(40) [Matched|Different|Pending|Skipped]
      IndividualId reference >Individual:Individual
      Concordat_Id__c string(64) ext`,
      ['Contact', 'Contacts'],
    ),
    defineObject(
      'Opportunity',
      '006',
      `
      AccountId reference >Account:Account
      IsPrivate boolean =false
      Name string(120) ! name
      Description textarea(32000)
      StageName picklist(255) [${Object.keys(STAGES).join('|')}] !
      Amount currency(18,2)
      Probability percent(3,0)
      ExpectedRevenue currency(18,2) calc
      TotalOpportunityQuantity double(18,2)
      CloseDate date !
      Type picklist [Existing Customer - Upgrade|Existing Customer - Replacement|Existing Customer - Downgrade|New Customer]
      NextStep string(255)
      LeadSource picklist [${SOURCES}]
      IsClosed boolean calc
      IsWon boolean calc
      ForecastCategory picklist [Omitted|Pipeline|BestCase|Forecast|Closed] calc
      ForecastCategoryName picklist [Omitted|Pipeline|Best Case|Commit|Closed]
      CampaignId reference >Campaign:Campaign
      HasOpportunityLineItem boolean calc
      Pricebook2Id reference >Pricebook2:Pricebook2
      OwnerId reference >User:Owner
      LastActivityDate date ro
      FiscalQuarter int(9,0) calc
      FiscalYear int(9,0) calc
      Fiscal string(6) calc
      ContactId reference co >Contact:Contact
      Concordat_Id__c string(64) ext
      Concordat_Partner__c reference >Account:Concordat_Partner__r
      Concordat_Source__c picklist [Direct|Partner sourced|Partner influenced] strict`,
      ['Opportunity', 'Opportunities'],
    ),
    defineObject(
      'OpportunityContactRole',
      '00K',
      `
      OpportunityId reference ! co >Opportunity:Opportunity
      ContactId reference ! co >Contact:Contact
      Role picklist [Business User|Decision Maker|Economic Buyer|Evaluator|Executive Sponsor|Influencer|Technical Buyer|Other]
      IsPrimary boolean =false`,
      ['Opportunity Contact Role', 'Opportunity Contact Role'],
    ),
    defineObject(
      'OpportunityLineItem',
      '00k',
      `
      OpportunityId reference ! co >Opportunity:Opportunity
      PricebookEntryId reference co >PricebookEntry:PricebookEntry
      Product2Id reference co >Product2:Product2
      Name string(376) ro name
      Quantity double(18,2) !
      UnitPrice currency(18,2)
      TotalPrice currency(18,2) calc
      Description string(255)`,
      ['Opportunity Product', 'Opportunity Product'],
    ),
    defineObject(
      'Product2',
      '01t',
      `
      Name string(255) ! name
      ProductCode string(255)
      Description textarea(4000)
      Family picklist [None]
      IsActive boolean =true`,
      ['Product', 'Products'],
    ),
    defineObject('Pricebook2', '01s', 'Name string(255) ! name\nIsActive boolean =true\nIsStandard boolean ro', [
      'Price Book',
      'Price Books',
    ]),
    defineObject(
      'PricebookEntry',
      '01u',
      `
      Name string(255) ro name
      Pricebook2Id reference ! co >Pricebook2:Pricebook2
      Product2Id reference ! co >Product2:Product2
      UnitPrice currency(18,2) !
      IsActive boolean =true`,
      ['Price Book Entry', 'Price Book Entries'],
    ),
    defineObject(
      'Lead',
      '00Q',
      `
      MasterRecordId reference ro >Lead:MasterRecord
      LastName string(80) !
      FirstName string(40)
      Salutation picklist [Mr.|Ms.|Mrs.|Dr.|Prof.]
      Name string(121) ro name
      Title string(128)
      Company string(255) !
      Street textarea(255)
      City string(40)
      State string(80)
      PostalCode string(20)
      Country string(80)
      Latitude double(18,15)
      Longitude double(18,15)
      GeocodeAccuracy picklist [Address|NearAddress|Block|Street|ExtendedZip|Zip|Neighborhood|City|County|State|Unknown]
      Address address ro
      Phone phone(40)
      MobilePhone phone(40)
      Fax phone(40)
      Email email(80)
      Website url(255)
      PhotoUrl url(255) ro
      Description textarea(32000)
      LeadSource picklist [${SOURCES}]
      Status picklist(255) [Open - Not Contacted|Working - Contacted|Closed - Converted|Closed - Not Converted] ! =Open_-_Not_Contacted
      Industry picklist [${INDUSTRIES}]
      Rating picklist [Hot|Warm|Cold]
      AnnualRevenue currency(18,0)
      NumberOfEmployees int(8,0)
      OwnerId reference >User:Owner
      IsConverted boolean ro
      ConvertedDate date ro
      ConvertedAccountId reference ro >Account:ConvertedAccount
      ConvertedContactId reference ro >Contact:ConvertedContact
      ConvertedOpportunityId reference ro >Opportunity:ConvertedOpportunity
      IsUnreadByOwner boolean =false
      LastActivityDate date ro
      LastViewedDate datetime ro
      LastReferencedDate datetime ro
      Jigsaw string(20)
      JigsawContactId string(20) ro
      CleanStatus picklist(40) [Matched|Different|Pending|Skipped]
      CompanyDunsNumber string(9)
      DandbCompanyId reference ro >DandBCompany:DandbCompany
      EmailBouncedReason string(255) ro
      EmailBouncedDate datetime ro
      IndividualId reference >Individual:Individual`,
      ['Lead', 'Leads'],
    ),
    defineObject(
      'User',
      '005',
      `
      Username string(80) !
      LastName string(80) !
      FirstName string(40)
      Name string(121) ro name
      Email email(128) !
      IsActive boolean =true
      UserType picklist [Standard|CsnOnly|PowerPartner]
      TimeZoneSidKey picklist(40)
      ProfileId reference >Profile:Profile
      ${USER_FIELDS}`,
      ['User', 'Users'],
    ),
    defineObject('Profile', '00e', 'Name string(255) ro name\nUserType picklist [Standard|CsnOnly|PowerPartner]', [
      'Profile',
      'Profile',
    ]),
    defineObject('PermissionSet', '0PS', 'Name string(80) ! name\nLabel string(80) !\nDescription textarea(255)', [
      'Permission Set',
      'Permission Set',
    ]),
    defineObject(
      'PermissionSetAssignment',
      '0Pa',
      'AssigneeId reference ! co >User:Assignee\nPermissionSetId reference ! co >PermissionSet:PermissionSet',
      ['Permission Set Assignment', 'Permission Set Assignment'],
    ),
    defineObject(
      'EventRelation',
      '0RE',
      'EventId reference ! co >Event:Event\nRelationId reference >Contact,Lead:Relation\nStatus picklist [New|Declined|Accepted]',
      ['Event Relation', 'Event Relations'],
    ),
    defineObject('Topic', '0TO', 'Name string(150) ! name\nDescription string(255)\nTalkingAbout int(8,0) ro', [
      'Topic',
      'Topics',
    ]),
    defineObject(
      'Event',
      '00U',
      `
      WhoId reference >Contact,Lead:Who
      WhatId reference >Account,Opportunity:What
      Subject string(255)
      Location string(255)
      StartDateTime datetime
      EndDateTime datetime
      DurationInMinutes int(8,0)
      ActivityDate date ro
      ActivityDateTime datetime
      Description textarea(32000)
      ShowAs picklist [Busy|OutOfOffice|Free]
      OwnerId reference >User:Owner`,
      ['Event', 'Events'],
    ),
    defineObject('Group', '00G', 'Name string(40) ! name\nType picklist [Regular|Queue]\nEmail email(255)', ['Group', 'Group']),
    defineObject(
      'Campaign',
      '701',
      'Name string(80) ! name\nIsActive boolean =false\nStatus picklist [Planned|In Progress|Completed|Aborted]',
      ['Campaign', 'Campaigns'],
    ),
    defineObject(
      'Task',
      '00T',
      `
      WhoId reference >Contact,Lead:Who
      WhatId reference >Account,Opportunity:What
      Subject string(255)
      ActivityDate date
      Status picklist [Not Started|In Progress|Completed] ! =Not_Started
      Priority picklist [High|Normal|Low] ! =Normal
      Description textarea(32000)
      OwnerId reference >User:Owner`,
      ['Task', 'Tasks'],
    ),
    defineObject(
      'RecordType',
      '012',
      'Name string(80) ! name\nDeveloperName string(80)\nSobjectType string(40)\nIsActive boolean =true',
      ['Record Type', 'Record Types'],
    ),
    defineObject(
      'Organization',
      '00D',
      `
      Name string(80) name
      TimeZoneSidKey picklist(40)
      Phone phone(40)
      DefaultAccountAccess picklist(40) [None|Read|Edit|ControlledByLeadOrContact]
      DefaultLocaleSidKey picklist(40)
      LanguageLocaleKey picklist(40)
      OrganizationType picklist(40)
      InstanceName string(5)
      IsSandbox boolean
      DefaultCurrencyIsoCode string(3)`,
      ['Organization', 'Organization'],
    ),
    defineObject(
      'PartnerRole',
      '00J',
      'MasterLabel string(255) name\nApiName string(255)\nSortOrder int(9,0)\nReverseRole string(255)',
      ['Partner Role Value', 'Partner Role Value'],
    ),
    defineObject(
      'Partner',
      '00I',
      `
      OpportunityId reference co >Opportunity:Opportunity
      AccountFromId reference co >Account:AccountFrom
      AccountToId reference ! co >Account:AccountTo
      Role picklist(40) co
      IsPrimary boolean co =false
      ReversePartnerId reference ro >Partner:ReversePartner`,
      ['Partner', 'Partners'],
    ),
    defineObject(
      'Concordat_Registration__c',
      'a00',
      `
      Name string(80) name
      Concordat_Id__c string(64) ext
      OwnerId reference >User:Owner
      Concordat_Partner__c reference >Account:Concordat_Partner__r
      Opportunity__c reference >Opportunity:Opportunity__r
      Submitted_By__c string(255)
      Account_Name__c string(255)
      Account_Domain__c string(255)
      Country__c string(80)
      Contact_Name__c string(255)
      Contact_Email__c email(80)
      Contact_Phone__c phone(40)
      Product__c string(255)
      Amount__c currency(18,2)
      Expected_Close_Date__c date
      Status__c picklist [Submitted|Under review|Approved|Rejected|Expired|Withdrawn] strict
      Submitted_At__c datetime
      Decided_At__c datetime
      Protected_Until__c date
      Reason__c textarea(32000)`,
      ['Registration', 'Registrations'],
    ),
  ]
}

/** Fills in the child relationships that reference fields imply. */
export function linkChildren(objects: Map<string, ObjectDef>): void {
  for (const child of objects.values()) {
    for (const f of child.fields.values()) {
      if (
        f.type !== 'reference' ||
        !f.relationshipName ||
        ['CreatedById', 'LastModifiedById', 'OwnerId', 'MasterRecordId'].includes(f.name)
      )
        continue
      for (const parent of f.referenceTo) {
        const plural = child.custom ? child.name.replace(/__c$/, 's__r') : child.labelPlural.replaceAll(' ', '')
        const base = objects.get(parent)?.children
        if (!base) continue
        const special = (
          {
            OpportunityContactRole: 'OpportunityContactRoles',
            OpportunityLineItem: 'OpportunityLineItems',
          } as Record<string, string>
        )[child.name]
        const name = special ?? (child.name === parent ? 'Children' : plural)
        base.set(base.has(name) ? `${name}_${f.name}` : name, { object: child.name, field: f.name })
      }
    }
  }
}
