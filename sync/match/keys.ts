import type { Subject } from './subject.ts'

/**
 * The keys under which a record is looked for. Two records that share none are never compared. A key is a short text
 * that is compared for equality only; how many records hold it tells what it is worth.
 */
export function blockingKeys(s: Subject): string[] {
  const keys = new Set<string>()
  if (s.name) {
    for (const w of s.name.skeletons) keys.add(`w:${w}`)
    for (const w of s.name.words) {
      if (w.length >= 6) keys.add(`b:${w.slice(0, 4)}`)
      if (w.length >= 6) keys.add(`e:${w.slice(-4)}`)
    }
    for (const w of withoutOneLetter(s.name.skeletons[0]!)) keys.add(`x:${w}`)
    const squashed = s.name.words.join('')
    keys.add(`s:${squashed.slice(0, 7)}`)
    if (s.name.words.length >= 2) {
      keys.add(`p:${s.name.skeletons.slice(0, 2).sort().join(' ')}`)
      if (s.name.words.length >= 3) keys.add(`i:${s.name.words.map((w) => w[0]).join('')}`)
    }
    if (squashed.length >= 3 && squashed.length <= 6) keys.add(`i:${squashed}`)
  }
  if (s.person) {
    const { given, surname } = s.person
    for (const w of [...given, ...surname]) keys.add(`n:${w.slice(0, 5)}`)
    const all = [...given, ...surname].map((w) => w.slice(0, 3)).sort()
    if (all.length >= 2) keys.add(`gs:${all.join(' ')}`)
    if (s.city) for (const w of [...given, ...surname]) keys.add(`nc:${w.slice(0, 3)} ${s.city}`)
    if (s.born) for (const w of [...given, ...surname]) keys.add(`nb:${w.slice(0, 2)} ${s.born.slice(0, 4)}`)
    if (s.postcode) for (const w of [...given, ...surname]) keys.add(`nz:${w.slice(0, 2)} ${s.postcode}`)
  }
  if (s.born) {
    keys.add(`d:${s.born}`)
    keys.add(`dm:${s.born.slice(0, 6)}`)
    keys.add(`dd:${s.born.slice(4)}`)
    keys.add(`dy:${s.born.slice(0, 4)} ${s.born.slice(6)}`)
  }
  if (s.email) {
    keys.add(`m:${s.email.address}`)
    if (s.person) keys.add(`hm:${s.email.domain}`)
    keys.add(`ml:${s.email.local.replace(/\W/g, '').slice(0, 6)}`)
  }
  if (s.domain) keys.add(`h:${s.domain}`)
  if (s.phone) keys.add(`t:${s.phone.slice(-7)}`)
  if (s.address) {
    const street = s.address.street[0]
    for (const n of s.address.numbers.slice(0, 2)) {
      if (street) keys.add(`a:${n} ${street.slice(0, 5)}`)
      if (s.postcode) keys.add(`z:${n} ${s.postcode}`)
    }
    if (s.address.numbers.length === 0 && street) keys.add(`a:${s.address.street.slice(0, 2).join(' ')}`)
  }
  for (const p of s.people) keys.add(`n:${p.at(-1)!.slice(0, 6)}`)
  for (const id of s.identifiers) keys.add(`id:${id}`)
  return [...keys]
}

/**
 * The word without each of its letters in turn: two words that differ by a letter left out, added or swapped share one
 * of them (or the word itself). For words of a length at which other keys do not find such twins.
 */
function withoutOneLetter(word: string): string[] {
  if (word.length < 4 || word.length > 9) return []
  return [word, ...Array.from(word, (_, i) => word.slice(0, i) + word.slice(i + 1))]
}
