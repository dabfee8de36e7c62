import { seeded } from '../faults.ts'

/** Seeded choices, so that one seed always makes the same world. */
export class Random {
  readonly #next: () => number
  constructor(seed: number) {
    this.#next = seeded(seed)
  }
  chance(p: number): boolean {
    return this.#next() < p
  }
  int(from: number, to: number): number {
    return from + Math.floor(this.#next() * (to - from + 1))
  }
  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#next() * list.length)]!
  }
}
