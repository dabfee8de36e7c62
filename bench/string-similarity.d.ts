declare module 'string-similarity' {
  /** Dice's coefficient of the letter pairs of two texts, 0 to 1. */
  export function compareTwoStrings(a: string, b: string): number
}
