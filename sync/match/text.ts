import anyAscii from 'any-ascii'

/**
 * One spelling for what people write in many: without case, accents, foreign letters and punctuation.
 * "Müller & Söhne" -> "muller and sohne", "ООО «БАЙ»" -> "ooo bai". Dots between single letters join them
 * ("S.p.A." -> "spa"), as do apostrophes ("Arnie's" -> "arnies").
 */
export function fold(text: string): string {
  const plain = /^[\x20-\x7e]*$/.test(text) ? text : anyAscii(text.normalize('NFKD').replace(/\p{M}/gu, ''))
  return plain
    .toLowerCase()
    .replace(/&amp;|&/g, ' and ')
    .replace(/\+/g, ' plus ')
    .replace(/['’`´]/g, '')
    .replace(/\b([a-z])\/([a-z])\b(?!\/)/g, '$1$2')
    .replace(/[^a-z0-9]+/g, (gap, at: number, all: string) => (gap === '.' && isInitial(all, at) ? '' : ' '))
    .trim()
}

/** Whether the dot at `at` follows a letter that stands alone: "j.p. morgan", "s.p.a." */
const isInitial = (text: string, at: number): boolean =>
  /[a-z]/.test(text[at - 1] ?? '') && !/[a-z0-9]/.test(text[at - 2] ?? '') && /[a-z](?![a-z0-9])/.test(text.slice(at + 1, at + 3))

/** The words of a folded text; letters that stand alone in a row are one word ("s p a" -> "spa"). */
export function words(folded: string): string[] {
  const out: string[] = []
  let joining = false
  for (const word of folded.split(' ')) {
    if (!word) continue
    const letter = word.length === 1 && word >= 'a' && word <= 'z'
    if (letter && joining) out[out.length - 1] += word
    else out.push(word)
    joining = letter
  }
  return out
}

/**
 * The spelling that survives the usual ways to write one sound: umlauts written out, doubled letters,
 * y for i, ph for f, a silent h, c and q for k. Equal skeletons are almost equal words.
 */
export function skeleton(word: string): string {
  if (/\d/.test(word)) return word.replace(/^0+(?=\d)/, '')
  const out = word
    .replace(/([aou])e/g, '$1')
    .replace(/ph/g, 'f')
    .replace(/(?:ck|c(?![eiyh])|q)/g, 'k')
    .replace(/y/g, 'i')
    .replace(/th/g, 't')
    .replace(/(.)\1+/g, '$1')
  return out || word
}
