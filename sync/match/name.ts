import type { Census } from './census.ts'
import { isCountryWord } from './country-words.ts'
import { compareForms, type FormComparison, type LegalForm, splitLegalForms } from './legal-forms.ts'
import { standardWord } from './spellings.ts'
import { wordLikeness } from './strings.ts'
import { fold, skeleton, words } from './text.ts'

/** The name of a company, a site or a product, ready to be compared. */
export interface Name {
  /** Folded, without its legal form; what equality means. */
  core: string
  words: readonly string[]
  skeletons: readonly string[]
  forms: readonly LegalForm[]
  /** The whole name folded, for names that were cut off. */
  whole: string
}

export function parseName(text: string): Name | undefined {
  const whole = words(fold(text))
  if (whole.length === 0) return undefined
  const { core, forms } = splitLegalForms(whole)
  const standard = core
    .map((w, i) => (i > 0 && i === core.length - 1 && LONE_NUMERALS.get(w)) || standardWord(w))
    .filter((w) => w !== '')
  const kept = standard.length ? standard : core.length ? core : whole
  return { core: kept.join(' '), words: kept, skeletons: kept.map(skeleton), forms, whole: whole.join(' ') }
}

/** Numerals that are letters elsewhere count at the end of a name only: "Part I", "Fund V". */
const LONE_NUMERALS = new Map([
  ['i', '1'],
  ['v', '5'],
  ['x', '10'],
])

export type NameLevel = 'same' | 'contained' | 'similar' | 'partly' | 'different'

export interface NameComparison {
  level: NameLevel
  /** Bits of the words that both hold; likeness counts, so a typing error costs a little. */
  shared: number
  /** Bits of the words that one of the two lacks; `less` is the smaller of the two sides, `more` the larger. */
  less: number
  more: number
  /** Both have numbers and none is shared: "Branch 7" and "Branch 8". */
  otherNumber: boolean
  /** A country in one name that is not in the other, and whether both name one: "Bowne (France)", "Bowne (Germany)". */
  otherCountry: 'neither' | 'one' | 'both'
  forms: FormComparison
}

/** Words below this likeness are other words. */
const LIKE = 0.8
/** A cut word or an abbreviation ("mfg", "intern") that fits the beginning of the other. */
const BEGINNING = 0.85

/**
 * Which words two names share, in bits. Symmetric: pairs of words are taken greedily by what they are worth.
 */
export function compareNames(a: Name, b: Name, census: Census): NameComparison {
  const forms = compareForms(a.forms, b.forms)
  const bitsA = wordBits(a, census)
  if (a.core === b.core) {
    const shared = Math.min(sum(bitsA), census.bits('name', a.core))
    return {
      level: 'same',
      shared: census.count('name', a.core) > 2 ? shared : sum(bitsA),
      less: 0,
      more: 0,
      otherNumber: false,
      otherCountry: 'neither',
      forms,
    }
  }
  const bitsB = wordBits(b, census)
  const takenA = new Uint8Array(a.words.length)
  const takenB = new Uint8Array(b.words.length)
  let shared = 0
  let typos = 0
  const meet = (i: number, j: number, likeness: number) => {
    takenA[i] = takenB[j] = 1
    shared += likeness * Math.min(bitsA[i]!, bitsB[j]!)
    if (likeness < 0.95) typos++
  }
  // Equal words, then words written together or apart, then near ones by worth.
  for (let i = 0; i < a.words.length; i++)
    for (let j = 0; j < b.words.length; j++) if (!takenA[i] && !takenB[j] && a.words[i] === b.words[j]) meet(i, j, 1)
  shared += joinedWords(a, b, takenA, takenB, bitsA, bitsB) + joinedWords(b, a, takenB, takenA, bitsB, bitsA)
  const near: { i: number; j: number; likeness: number }[] = []
  for (let i = 0; i < a.words.length; i++) {
    if (takenA[i]) continue
    for (let j = 0; j < b.words.length; j++) {
      if (takenB[j]) continue
      const likeness = Math.max(wordLikeness(a.words[i]!, b.words[j]!, a.skeletons[i]!, b.skeletons[j]!), beginning(a, i, b, j))
      if (likeness >= LIKE) near.push({ i, j, likeness })
    }
  }
  near.sort((x, y) => y.likeness - x.likeness || Math.min(bitsA[y.i]!, bitsB[y.j]!) - Math.min(bitsA[x.i]!, bitsB[x.j]!))
  for (const { i, j, likeness } of near) if (!takenA[i] && !takenB[j]) meet(i, j, likeness)
  shared += initials(a, b, takenA, takenB, bitsA) + initials(b, a, takenB, takenA, bitsB)

  const cut = cutOff(a, b) || cutOff(b, a)
  const left = (bits: number[], taken: Uint8Array) => bits.reduce((sum, w, i) => sum + (taken[i] ? 0 : cut ? w * 0.15 : w), 0)
  const [lackA, lackB] = [left(bitsA, takenA), left(bitsB, takenB)]
  const less = Math.min(lackA, lackB)
  const more = Math.max(lackA, lackB)
  const all = shared * 2 + less + more
  const likeness = all ? (shared * 2) / all : 0
  const level: NameLevel =
    less === 0 && more === 0 && typos === 0
      ? 'same'
      : shared > 0 && less === 0 && more > 0
        ? 'contained'
        : likeness >= 0.75
          ? 'similar'
          : likeness >= 0.4
            ? 'partly'
            : 'different'
  const country = (n: Name, taken: Uint8Array) => n.words.some((w, i) => !taken[i] && isCountryWord(w))
  const named = Number(country(a, takenA)) + Number(country(b, takenB))
  const otherCountry = named === 2 ? 'both' : named === 1 ? 'one' : 'neither'
  const number = (n: Name, taken: Uint8Array) => n.words.some((w, i) => !taken[i] && /^\d/.test(w))
  return { level, shared, less, more, otherNumber: number(a, takenA) && number(b, takenB), otherCountry, forms }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((x, y) => x + y, 0)

const wordBits = (name: Name, census: Census): number[] =>
  name.words.map((w, i) => (i === 0 ? census.bits('word', w) : census.bitsAfter(name.words[i - 1]!, w)))

/** "good will" and "goodwill": neighbours of one name that are one word of the other. */
function joinedWords(
  one: Name,
  other: Name,
  takenOne: Uint8Array,
  takenOther: Uint8Array,
  bitsOne: number[],
  bitsOther: number[],
): number {
  let shared = 0
  for (let i = 0; i + 1 < one.words.length; i++) {
    if (takenOne[i] || takenOne[i + 1]) continue
    // Nearly always no word of the other begins like this one.
    const start = one.words[i]!.slice(0, 2)
    if (!other.words.some((w, k) => !takenOther[k] && w.startsWith(start))) continue
    for (let n = 2; n <= 3 && i + n <= one.words.length; n++) {
      const joined = one.words.slice(i, i + n).join('')
      const sound = joined.length >= 6 ? skeleton(joined) : undefined
      const j = other.words.findIndex((w, k) => !takenOther[k] && (w === joined || other.skeletons[k] === sound))
      if (j < 0 || takenOne[i + n - 1]) continue
      takenOne.fill(1, i, i + n)
      takenOther[j] = 1
      shared += Math.min(bitsOther[j]!, sum(bitsOne.slice(i, i + n)))
      break
    }
  }
  return shared
}

/** "manufac" for "manufacturing": a beginning of at least four letters, or of two where the name ends there. */
function beginning(a: Name, i: number, b: Name, j: number): number {
  const [x, y] = [a.words[i]!, b.words[j]!]
  const [short, long, last] = x.length < y.length ? [x, y, i === a.words.length - 1] : [y, x, j === b.words.length - 1]
  if (/\d/.test(short) || !long.startsWith(short)) return 0
  if (short.length >= 4) return BEGINNING
  if (short.length === 1) return LIKE
  return last && short.length >= 2 && long.length >= 5 ? LIKE : 0
}

/** "IBM" and "International Business Machines": one word that is the first letters of words in a row. */
function initials(one: Name, other: Name, takenOne: Uint8Array, takenOther: Uint8Array, bitsOne: number[]): number {
  for (let i = 0; i < one.words.length; i++) {
    const word = one.words[i]!
    if (takenOne[i] || word.length < 3 || word.length > 6 || /\d/.test(word)) continue
    const letters = other.words.map((w, k) => (takenOther[k] ? '.' : w[0]!)).join('')
    const light = other.words.map((w, k) => (takenOther[k] || w === 'and' || w === 'of' || w === 'the' ? '' : w[0]!)).join('')
    if (light === word) takenOther.fill(1)
    else if (letters.includes(word)) takenOther.fill(1, letters.indexOf(word), letters.indexOf(word) + word.length)
    else continue
    takenOne[i] = 1
    return 0.8 * bitsOne[i]!
  }
  return 0
}

/** Systems cut long names at a fixed width: all of the short one is how the long one begins. */
const CUT_AT_LEAST = 20
const cutOff = (short: Name, long: Name): boolean =>
  short.whole.length >= CUT_AT_LEAST && long.whole.length > short.whole.length && long.whole.startsWith(short.whole)
