import type { ObjectDef } from '../schema.ts'
import { activities } from './activities.ts'
import { history } from './history.ts'
import { partners } from './partners.ts'
import { sales } from './sales.ts'
import { setup } from './setup.ts'
import { users } from './users.ts'

/** The stock objects plus the fields and the object that Concordat's package adds, as describe lists them. */
export const standardObjects = (): ObjectDef[] => [
  ...sales(),
  ...users(),
  ...activities(),
  ...setup(),
  ...partners(),
  ...history(),
]
