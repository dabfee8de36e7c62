/**
 * Legal forms, as their abbreviations and as words, by what they mean. Two names that differ in their form alone
 * are one company written twice or two sister companies: that is evidence of its own, and a light one.
 *
 * A form is written folded and may be several words. Forms of one line are the same form in several spellings;
 * the kind says how forms of different countries compare (a private company is not a public one).
 */
export type FormKind = 'private' | 'public' | 'partnership' | 'cooperative' | 'foundation' | 'association' | 'any'

const FORMS: Record<FormKind, readonly string[]> = {
  private: [
    'ltd|limited|pty ltd|pty limited|private limited|pvt ltd|pte ltd|co ltd|company limited|co limited|ltd co|proprietary limited',
    'llc|limited liability company|limited liability co|l l c',
    'gmbh|ges m b h|gesmbh|mbh|gesellschaft mit beschrankter haftung|ggmbh',
    'ug|unternehmergesellschaft',
    'sarl|societe a responsabilite limitee|sarlu|eurl',
    'sas|societe par actions simplifiee|sasu',
    'srl|societa a responsabilita limitata|srls|societatea cu raspundere limitata|sociedad de responsabilidad limitada|s r l',
    'bv|besloten vennootschap|bvba',
    'sl|sociedad limitada|slu',
    'lda|limitada|ltda',
    'aps|anpartsselskab',
    'as',
    'oy|osakeyhtio',
    'ab',
    'sp zoo|sp z oo|spolka z oo|spolka z ograniczona odpowiedzialnoscia',
    'sro|spol sro|spolecnost s rucenim omezenym',
    'kft|korlatolt felelossegu tarsasag',
    'doo|eood|ood|uab|osauhing|ou|sia',
    'ooo|obshchestvo s ogranichennoi otvetstvennostiu|obschestvo s ogranichennoy otvetstvennostyu|tov|too',
    'epe|mepe|ike|monoprosopi ike',
    'kk|kabushiki kaisha|yugen kaisha|yk',
    'sdn bhd|sendirian berhad',
    'zao|closed joint stock company|cjsc',
  ],
  public: [
    'inc|incorporated|corp|corporation',
    'plc|public limited company|p l c',
    'ag|aktiengesellschaft|akg',
    'sa|societe anonyme|sociedad anonima|sociedade anonima|anonymi etairia|ae|abee|aebe|aee|sociedad anonima de capital variable|sa de cv|sab de cv|spolka akcyjna',
    'spa|societa per azioni|sapa',
    'se|societas europaea|societe europeenne',
    'nv|naamloze vennootschap',
    'asa|allmennaksjeselskap',
    'oyj|abp|julkinen osakeyhtio|publikt aktiebolag|ab publ',
    'nyrt|zrt|rt',
    'jsc|ojsc|pjsc|oao|pao|ao|joint stock company|open joint stock company|public joint stock company|aktsionernoe obshchestvo|akcionernoe obshchestvo|dd|ad|akc spol',
    'tbk|bhd|berhad|pt',
  ],
  partnership: [
    'lp|limited partnership|llp|limited liability partnership',
    'kg|kommanditgesellschaft|gmbh and co kg|ag and co kg|gmbh co kg|ks',
    'ohg|offene handelsgesellschaft|gbr|vof',
    'kgaa|kommanditgesellschaft auf aktien|gmbh and co kgaa|ag and co kgaa|se and co kgaa',
    'sca|societe en commandite par actions|scs|snc|sas di|sapa di',
  ],
  cooperative: ['eg|coop|cooperative|cooperativa|scop|scarl|scpa|soc coop', 'amba|osk|osuuskunta'],
  foundation: ['foundation|stiftung|stichting|fondation|fondazione|saatio'],
  association: ['ev|e v|eingetragener verein|asbl|vzw|association|assn'],
  any: ['co|company|cie|compagnie|et cie|and co|and company|compania|companhia', 'na|national association'],
}

export interface LegalForm {
  /** The line of the table. */
  id: number
  kind: FormKind
}

/** First word -> forms that begin with it, longest first. */
const byFirst = new Map<string, { words: string[]; form: LegalForm }[]>()
let id = 0
for (const [kind, lines] of Object.entries(FORMS) as [FormKind, string[]][])
  for (const line of lines) {
    const form = { id: id++, kind }
    for (const spelling of line.split('|')) {
      const parts = spelling.split(' ')
      const list = byFirst.get(parts[0]!) ?? []
      list.push({ words: parts, form })
      byFirst.set(parts[0]!, list)
    }
  }
for (const list of byFirst.values()) list.sort((a, b) => b.words.length - a.words.length)

/** Forms that stand before a name as well: "OOO Bai", "A/S Norden", "JSC Tactical Missiles". */
const LEADING = new Set(
  'ooo|oao|zao|ao|pao|jsc|ojsc|pjsc|cjsc|open joint stock company|joint stock company|public joint stock company|sa|as|srl|sarl|spa|oy|ab|pt|tov|societe anonyme|societatea cu raspundere limitata|stichting|fondation|fondazione|osk|limited liability company|ud|kk'.split(
    '|',
  ),
)

/**
 * Takes the legal forms off a name's words: at its end, once more before that ("co ltd" after "holding as"), and at
 * its beginning. A name never loses all its words.
 */
export function splitLegalForms(words: readonly string[]): { core: string[]; forms: LegalForm[] } {
  const forms: LegalForm[] = []
  let from = 0
  let to = words.length
  for (let again = true; again; ) {
    again = false
    // The longest form that ends the name: a form begins at most five words before the end.
    for (let start = Math.max(from + 1, to - 6); start < to; start++) {
      const hit = formAt(words, start, to)
      if (!hit) continue
      forms.push(hit)
      to = start
      again = true
      break
    }
    if (again && to - from > 1 && words[to - 1] === 'and') to--
  }
  for (let length = Math.min(5, to - from - 1); length > 0; length--)
    if (LEADING.has(words.slice(from, from + length).join(' '))) {
      forms.push(formAt(words, from, from + length) ?? { id: -1, kind: 'any' })
      from += length
      break
    }
  return { core: words.slice(from, to), forms }
}

function formAt(words: readonly string[], start: number, end: number): LegalForm | undefined {
  for (const { words: parts, form } of byFirst.get(words[start]!) ?? [])
    if (parts.length === end - start && parts.every((p, i) => p === words[start + i])) return form
  return undefined
}

export type FormComparison = 'same' | 'alike' | 'unknown' | 'different'

/** Whether two names say the same legal form. A form that says nothing ("company") is no evidence. */
export function compareForms(a: readonly LegalForm[], b: readonly LegalForm[]): FormComparison {
  const [said, other] = [a, b].map((forms) => forms.filter((f) => f.kind !== 'any')) as [LegalForm[], LegalForm[]]
  if (said.length === 0 || other.length === 0) return 'unknown'
  if (said.some((f) => other.some((o) => o.id === f.id))) return 'same'
  return said.some((f) => other.some((o) => o.kind === f.kind)) ? 'alike' : 'different'
}
