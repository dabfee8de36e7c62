/**
 * Column headings that the CRMs' own reports and export files use where they differ from a field's API name.
 * Everything is compared without case, spaces and punctuation.
 */
const SALESFORCE: Record<string, Record<string, string>> = {
  '*': {
    'Billing Zip/Postal Code': 'BillingPostalCode',
    'Billing State/Province': 'BillingState',
    'Billing Address Line 1': 'BillingStreet',
    'Shipping Zip/Postal Code': 'ShippingPostalCode',
    'Shipping State/Province': 'ShippingState',
    'Mailing Zip/Postal Code': 'MailingPostalCode',
    'Mailing State/Province': 'MailingState',
    'Last Modified Date': 'LastModifiedDate',
    'Owner ID': 'OwnerId',
    'Account ID': 'AccountId',
  },
  Account: {
    'Account ID': 'Id',
    'Account Name': 'Name',
    'Account Owner ID': 'OwnerId',
    'Parent Account ID': 'ParentId',
    Employees: 'NumberOfEmployees',
    'Account Type': 'Type',
  },
  Contact: { 'Contact ID': 'Id', Mobile: 'MobilePhone', 'Contact Owner ID': 'OwnerId', 'Email Address': 'Email' },
  Opportunity: {
    'Opportunity ID': 'Id',
    'Opportunity Name': 'Name',
    'Opportunity Owner ID': 'OwnerId',
    Stage: 'StageName',
    'Probability (%)': 'Probability',
    'Opportunity Type': 'Type',
  },
  Lead: { 'Lead ID': 'Id', 'Company / Account': 'Company', 'Lead Owner ID': 'OwnerId', 'Lead Status': 'Status' },
  User: { 'User ID': 'Id', Active: 'IsActive' },
}

const HUBSPOT: Record<string, Record<string, string>> = {
  '*': {
    'Phone Number': 'phone',
    'Country/Region': 'country',
    'State/Region': 'state',
    'Postal Code': 'zip',
    'Street Address': 'address',
    'Create Date': 'createdate',
  },
  companies: {
    'Company name': 'name',
    'Company Domain Name': 'domain',
    'Company owner': 'hubspot_owner_id',
    'Number of Employees': 'numberofemployees',
    'Annual Revenue': 'annualrevenue',
    'Website URL': 'website',
  },
  contacts: { 'Mobile Phone Number': 'mobilephone', 'Contact owner': 'hubspot_owner_id', 'Company Name': 'company' },
  deals: {
    'Deal Name': 'dealname',
    'Deal Stage': 'dealstage',
    'Deal Type': 'dealtype',
    'Deal owner': 'hubspot_owner_id',
    'Close Date': 'closedate',
    'Deal Description': 'description',
    'Next step': 'hs_next_step',
    Currency: 'deal_currency_code',
  },
}

/** What tells headings apart: `Company Domain Name`, `company_domain_name` and `CompanyDomainName` are one. */
export const plain = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]/g, '')

/** Heading -> field: API names and labels first, then what exports call them. */
export function headings(
  crm: 'salesforce' | 'hubspot',
  object: string,
  fields: Iterable<{ name: string; label: string }>,
): Map<string, string> {
  const table = crm === 'salesforce' ? SALESFORCE : HUBSPOT
  const known = [...fields]
  const names = new Set(known.map((f) => f.name))
  const exported = Object.entries({ ...table['*'], ...table[object] }).filter(([, name]) => names.has(name) || name === 'Id')
  return new Map([
    ...exported.map(([label, name]): [string, string] => [plain(label), name]),
    ...known.map((f): [string, string] => [plain(f.label), f.name]),
    ...known.map((f): [string, string] => [plain(f.name), f.name]),
  ])
}
