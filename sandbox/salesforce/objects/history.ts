import { defineObject, type ObjectDef } from '../schema.ts'

/** Where changes of tracked fields are written, and what tells which fields are tracked. */

/** Object -> the object of its field history, and the column there that names the row. */
export const HISTORIES: Record<string, { object: string; parent: string }> = {
  Account: { object: 'AccountHistory', parent: 'AccountId' },
  Contact: { object: 'ContactHistory', parent: 'ContactId' },
  Opportunity: { object: 'OpportunityFieldHistory', parent: 'OpportunityId' },
}

export const history = (): ObjectDef[] => [
  ...Object.entries(HISTORIES).map(([of, { object, parent }]) =>
    defineObject(
      object,
      '017',
      `
      ${parent} reference ro >${of}:${of}
      Field picklist ro
      DataType picklist ro
      OldValue string(255) ro
      NewValue string(255) ro`,
      ['History', 'Histories'],
    ),
  ),
  defineObject('EntityDefinition', '4ie', 'QualifiedApiName string(70) ro\nLabel string(255) ro', [
    'Entity Definition',
    'Entity Definitions',
  ]),
  defineObject(
    'FieldDefinition',
    '4ff',
    'EntityDefinitionId reference ro >EntityDefinition:EntityDefinition\nQualifiedApiName string(70) ro\nIsFieldHistoryTracked boolean ro',
    ['Field Definition', 'Field Definitions'],
  ),
]
