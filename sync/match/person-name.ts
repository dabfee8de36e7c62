import { edits, jaroWinkler } from './strings.ts'
import { fold, skeleton, words } from './text.ts'

/** A person's name, ready to be compared. Given and family name are kept apart where the source tells them apart. */
export interface PersonName {
  given: readonly string[]
  surname: readonly string[]
}

/** Given names that are one: each line is a name with its short forms. */
const SHORT_FORMS = [
  'alexander alex al sandy sasha xander',
  'alexandra alex sandra sandy lexi',
  'andrew andy drew',
  'anthony tony ant',
  'barbara barb babs',
  'benjamin ben benny bennie',
  'catherine katherine kathryn cathy kathy kate katie kat kitty',
  'charles charlie chuck chas',
  'christina christine chris tina chrissie',
  'christopher chris kit topher',
  'daniel dan danny',
  'david dave davey',
  'deborah debra deb debbie',
  'donald don donny',
  'dorothy dot dottie',
  'edward ed eddie ted ned',
  'elizabeth liz lizzie beth betty eliza lisa libby',
  'eric rick',
  'eugene gene',
  'frances fran francie',
  'francis frank fran',
  'franklin frank',
  'frederick fred freddie',
  'gabriel gabe',
  'gerald gerry jerry',
  'gregory greg',
  'harold harry hal',
  'henry harry hank',
  'jacob jake',
  'jacqueline jackie',
  'james jim jimmy jamie',
  'janet jan',
  'jeffrey jeff geoffrey geoff',
  'jennifer jen jenny',
  'jessica jess jessie',
  'john jack johnny jon',
  'jonathan jon',
  'joseph joe joey',
  'joshua josh',
  'judith judy',
  'kenneth ken kenny',
  'kimberly kim',
  'lawrence laurence larry',
  'leonard leo len lenny',
  'louis lou lewis',
  'margaret maggie meg peggy marge',
  'matthew matt',
  'michael mike mick mickey',
  'mitchell mitch',
  'nathaniel nathan nate nat',
  'nicholas nick nicky',
  'nicole nicky',
  'oliver ollie',
  'pamela pam',
  'patricia pat patty trish tricia',
  'patrick pat paddy',
  'peter pete',
  'philip phillip phil',
  'rachel rae',
  'raymond ray',
  'rebecca becky becca',
  'richard rick rich dick ricky',
  'robert bob rob bobby robbie bert',
  'ronald ron ronnie',
  'russell russ',
  'samantha sam',
  'samuel sam sammy',
  'sarah sally sara',
  'sebastian seb',
  'stephen steven steve',
  'susan sue suzanne susie',
  'theodore ted theo',
  'theresa teresa terry tess',
  'thomas tom tommy',
  'timothy tim',
  'tobias toby',
  'victoria vicky tori',
  'vincent vince',
  'walter walt wally',
  'william will bill billy liam',
  'zachary zach',
]
const nickGroups = new Map<string, number[]>()
SHORT_FORMS.forEach((line, i) => {
  for (const name of line.split(' ')) nickGroups.set(name, [...(nickGroups.get(name) ?? []), i])
})

const TITLES = new Set('mr mrs ms miss dr prof sir sister sr jr ii iii iv phd md rev'.split(' '))
const tokens = (text: string): string[] =>
  fold(text)
    .split(' ')
    .filter((w) => w && !TITLES.has(w))

export function parsePerson(parts: { given?: string; surname?: string; full?: string }): PersonName | undefined {
  let given = tokens(parts.given ?? '')
  let surname = tokens(parts.surname ?? '')
  if (parts.full && given.length + surname.length === 0) {
    const [before, after] = parts.full.split(',') as [string, string?]
    // "Smith, Robert" says its family name first.
    if (after?.trim()) [surname, given] = [tokens(before), tokens(after)]
    else {
      const all = words(tokens(before).join(' '))
      surname = all.slice(-1)
      given = all.slice(0, -1)
    }
  }
  return given.length + surname.length > 0 ? { given, surname } : undefined
}

export type WordLevel = 'same' | 'near' | 'initial' | 'far' | 'different'

/**
 * How one given or family name compares with another: `near` is a typing error, another spelling or a short form;
 * `far` shares its shape only.
 */
export function compareNameWords(a: readonly string[], b: readonly string[]): WordLevel {
  if (a.join('') === b.join('')) return 'same'
  let best: WordLevel = 'different'
  for (const x of a) for (const y of b) best = better(best, compareWord(x, y))
  return best === 'same' && (a.length > 1 || b.length > 1) ? 'near' : best
}

const ORDER: readonly WordLevel[] = ['same', 'near', 'initial', 'far', 'different']
const better = (a: WordLevel, b: WordLevel): WordLevel => (ORDER.indexOf(a) <= ORDER.indexOf(b) ? a : b)

function compareWord(a: string, b: string): WordLevel {
  if (a === b) return 'same'
  if (a.length === 1 || b.length === 1) return a[0] === b[0] ? 'initial' : 'different'
  if (nickGroups.get(a)?.some((g) => nickGroups.get(b)?.includes(g))) return 'near'
  if (skeleton(a) === skeleton(b)) return 'near'
  const n = edits(a, b, 2)
  const shorter = Math.min(a.length, b.length)
  if (n === 1 && shorter >= 3) return 'near'
  if (n === 2 && shorter >= 6) return 'near'
  const [short, long] = a.length < b.length ? [a, b] : [b, a]
  if (short.length >= 3 && long.startsWith(short)) return 'near'
  return jaroWinkler(a, b) >= 0.85 ? 'far' : 'different'
}
