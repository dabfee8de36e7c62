/** What may stand for no character: NUL, and surrogates, of which only pairs are text. */
const SUSPECT = /\\u(?:0000|d[89a-f])/i
const ESCAPE = /\\\\|\\u0000|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}|\\ud[89a-f][0-9a-f]{2}/gi

/**
 * The JSON text of an answer, with U+FFFD for what is no character: a NUL, or half of an emoji that some tool cut in
 * two. A CRM hands such text on; no database keeps it, and one such row must not stop the others.
 */
export function withoutBrokenCharacters(json: string): string {
  if (!SUSPECT.test(json)) return json
  return json.replace(ESCAPE, (found) => (found === '\\\\' || found.length === 12 ? found : '\\ufffd'))
}
