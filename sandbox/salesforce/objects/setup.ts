import { defineObject, type ObjectDef } from '../schema.ts'

/** The org itself and its record types. */
export const setup = (): ObjectDef[] => [
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
]
