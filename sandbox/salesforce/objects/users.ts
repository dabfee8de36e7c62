import { defineObject, type ObjectDef } from '../schema.ts'
import { USER_FIELDS } from '../user-fields.ts'

/** Users and what they may. */
export const users = (): ObjectDef[] => [
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
]
