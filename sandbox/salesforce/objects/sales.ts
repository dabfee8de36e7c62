import { defineObject, type ObjectDef } from '../schema.ts'
import { STAGES } from '../stages.ts'

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

/** Accounts, contacts, opportunities with their products, leads; with the fields that Concordat's package adds. */
export const sales = (): ObjectDef[] => [
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
]
