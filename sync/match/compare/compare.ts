import type { Census } from '../census.ts'
import type { Subject } from '../subject.ts'
import { compareContactPoints } from './contact-points.ts'
import type { Found } from './finding.ts'
import { compareNamed } from './names.ts'
import { comparePersons } from './people.ts'
import { comparePlaces } from './places.ts'
import { compareWorks } from './works.ts'

/** Everything that two records say of each other. */
export const compare = (a: Subject, b: Subject, census: Census): Found[] => [
  ...compareNamed(a, b, census),
  ...comparePlaces(a, b, census),
  ...compareContactPoints(a, b, census),
  ...comparePersons(a, b, census),
  ...compareWorks(a, b, census),
]
