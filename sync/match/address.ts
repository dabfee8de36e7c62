import { fold, skeleton, words } from './text.ts'

/** A street address, ready to be compared. */
export interface Address {
  /** House numbers: "13-15" is both. */
  numbers: readonly string[]
  /** The words of the street without its kind ("street", "via") and without what is inside a house. */
  street: readonly string[]
  skeletons: readonly string[]
}

/** Kinds of street, directions and little words: they tell no street from another. */
const PLAIN = new Set(
  (
    'street st str strasse stra rue via viale avenue ave av avenida road rd boulevard blvd blv boul bd drive dr lane ln place pl plaza plz platz square sq sqre ' +
    'court ct crct crescent cres circuit cct close cl parkway pkwy highway hwy terrace tce ter trail way weg allee alle gasse gade vej katu tie vagen gatan ' +
    'corso piazza piazzale largo quai cours chaussee impasse allees esplanade route rte odos leoforos ' +
    'de la le les du des d l di del della der die das of the and et a in im am an al ' +
    'between near corner at'
  ).split(' '),
)
const DIRECTIONS = new Set('north south east west northeast northwest southeast southwest n s e w ne nw se sw'.split(' '))
/** What stands for a part of a house; the word after it belongs to it. */
const INSIDE = new Set('suite ste apt apartment unit room rm floor fl flr level box bureau stair bte lot shop no nr'.split(' '))
const POST_BOX = /\b(?:p\s?o\s?box|postfach|bp|casella postale|postboks|pl)\s*\d+/
const ORDINAL_WORDS = new Map(
  Object.entries({
    first: '1st',
    second: '2nd',
    third: '3rd',
    fourth: '4th',
    fifth: '5th',
    sixth: '6th',
    seventh: '7th',
    eighth: '8th',
    ninth: '9th',
    tenth: '10th',
  }),
)

export function parseAddress(text: string, number?: string): Address | undefined {
  const parts = fold(text.replace(/\(.*?\)/g, ' ').replace(/(\d)\s*-\s*(?=\d)/g, '$1 '))
    .replace(POST_BOX, ' ')
    .split(' ')
    .filter(Boolean)
  const numbers: string[] = []
  const street: string[] = []
  for (let i = 0; i < parts.length; i++) {
    const word = parts[i]!
    if (INSIDE.has(word) && i > 0) i++
    else if (/^\d+[a-z]?$/.test(word)) numbers.push(word.replace(/[a-z]$/, ''))
    else if (ORDINAL_WORDS.has(word)) street.push(ORDINAL_WORDS.get(word)!)
    else if (!PLAIN.has(word) && !DIRECTIONS.has(word)) street.push(word)
  }
  if (number) for (const n of words(fold(number))) if (/^\d/.test(n)) numbers.push(n.replace(/[a-z]+$/, ''))
  return numbers.length || street.length ? { numbers: [...new Set(numbers)], street, skeletons: street.map(skeleton) } : undefined
}
