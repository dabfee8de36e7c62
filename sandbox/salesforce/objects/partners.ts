import { defineObject, type ObjectDef } from '../schema.ts'

/** Partners of accounts and opportunities; the registrations of Concordat's package. */
export const partners = (): ObjectDef[] => [
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
