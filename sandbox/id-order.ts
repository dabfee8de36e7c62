/** Rows in the order of their ids: what lists with a cursor go through. */
export class IdOrder<T extends { id: string }> {
  readonly #compare: (a: string, b: string) => number
  readonly #rows: T[] = []
  #sorted = true

  constructor(compare: (a: string, b: string) => number) {
    this.#compare = compare
  }

  /** Ids are given in rising order; an imported one may come late, and is sorted in when rows are next asked for. */
  add(row: T): void {
    const last = this.#rows.at(-1)
    if (last && this.#compare(last.id, row.id) > 0) this.#sorted = false
    this.#rows.push(row)
  }

  remove(row: T): void {
    this.#sort()
    const place = this.#first(row.id)
    if (this.#rows[place] === row) this.#rows.splice(place, 1)
  }

  /** Rows from an id on, that one included; all without it. */
  *from(id?: string): Generator<T> {
    this.#sort()
    for (let i = id === undefined ? 0 : this.#first(id); i < this.#rows.length; i++) yield this.#rows[i]!
  }

  #first(id: string): number {
    let low = 0
    let high = this.#rows.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#compare(this.#rows[middle]!.id, id) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #sort(): void {
    if (!this.#sorted) this.#rows.sort((a, b) => this.#compare(a.id, b.id))
    this.#sorted = true
  }
}
