import type { Portal } from '../hubspot/portal.ts'
import { INTEGRATION_USER } from '../salesforce/model.ts'
import type { Org } from '../salesforce/org.ts'

/** Users of both CRMs; the last one of each list has left the company. */
export function seedPeople(org: Org, portal: Portal): { users: string[]; owners: string[] } {
  const people = [
    'Nora Quinn',
    'Igor Novak',
    'Ada Becker',
    'Leo Ramos',
    'Mei Tanaka',
    'Paul Dubois',
    'Rita Olsen',
    'Theo Marsh',
  ].map((n) => n.split(' ') as [string, string])
  const email = ([first, last]: [string, string]) => `${first}.${last}@concordat-demo.example`.toLowerCase()
  const system = ['Integration', 'User'] as [string, string]
  const users = [system, ...people].map((p, i) =>
    org.create(
      'User',
      {
        FirstName: p[0],
        LastName: p[1],
        Email: email(p),
        Username: email(p),
        IsActive: i !== people.length,
        UserType: 'Standard',
        TimeZoneSidKey: 'UTC',
      },
      INTEGRATION_USER,
    ),
  )
  org.create(
    'Organization',
    {
      Name: 'Concordat Demo',
      TimeZoneSidKey: 'UTC',
      DefaultLocaleSidKey: 'en_US',
      LanguageLocaleKey: 'en_US',
      OrganizationType: 'Developer Edition',
      InstanceName: 'SBX1',
      IsSandbox: true,
      DefaultCurrencyIsoCode: org.currency,
    },
    INTEGRATION_USER,
  )
  const owners = people.map((p, i) => {
    const owner = {
      id: String(70_000_001 + i),
      email: email(p),
      firstName: p[0],
      lastName: p[1],
      userId: 5_000_001 + i,
      active: i !== people.length - 1,
    }
    portal.owners.set(owner.id, owner)
    return owner.id
  })
  return { users: users.slice(1), owners }
}
