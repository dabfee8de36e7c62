const COUNTRY_WORDS = new Set(
  (
    'usa america uk britain england scotland ireland deutschland germany france espana spain italia italy schweiz suisse switzerland osterreich austria nederland ' +
    'netherlands holland belgium belgique danmark denmark norge norway sverige sweden suomi finland polska poland czech hungary romania bulgaria greece hellas turkey russia ' +
    'ukraine portugal luxembourg canada mexico brasil brazil argentina chile colombia peru china japan korea taiwan singapore malaysia indonesia thailand vietnam philippines ' +
    'india pakistan australia zealand africa egypt nigeria kenya israel emirates dubai saudi qatar kuwait iberia benelux nordic emea asia latam'
  ).split(' '),
)

/** Whether a word of a name says for which country a company stands: its sister elsewhere has another there. */
export const isCountryWord = (word: string): boolean => COUNTRY_WORDS.has(word)
