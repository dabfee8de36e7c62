/**
 * Rows in the order of their last change, then of their ids: what pollers ask for. A change is noted at the end; the
 * row's earlier place is known by its older time and goes when the rows behind it are next asked for, so that neither
 * a write nor a poll pays for the rows that nobody touched.
 */
export class Timeline<T extends { id: string }> {
  readonly #timeOf: (row: T) => number
  readonly #compareIds: (a: string, b: string) => number
  #times: number[] = []
  #rows: T[] = []
  #noted = 0
  /** From here on every place is a row's last one, in order. */
  #tidy = 0
  #limit = 1000

  constructor(timeOf: (row: T) => number, compareIds: (a: string, b: string) => number) {
    this.#timeOf = timeOf
    this.#compareIds = compareIds
  }

  /** Changes noted so far. */
  get length(): number {
    return this.#noted
  }

  /** Notes that a row is new or has just got another time. */
  note(row: T): void {
    this.#noted++
    const time = this.#timeOf(row)
    const last = this.#times.at(-1)
    // A transaction that commits late, or a clock that was set back.
    const place = last === undefined || last <= time ? this.#times.length : this.#first(time)
    if (place === this.#times.length) {
      this.#times.push(time)
      this.#rows.push(row)
    } else {
      this.#times.splice(place, 0, time)
      this.#rows.splice(place, 0, row)
    }
    this.#tidy = Number.POSITIVE_INFINITY
    if (this.#rows.length < this.#limit) return
    this.#tidyFrom(0)
    this.#limit = 2 * this.#rows.length + 1000
  }

  /** Takes a row out that is no more. */
  forget(row: T): void {
    const time = this.#timeOf(row)
    for (let i = this.#first(time); this.#times[i] === time; )
      if (this.#rows[i] === row) {
        this.#times.splice(i, 1)
        this.#rows.splice(i, 1)
        this.#tidy = Number.POSITIVE_INFINITY
      } else i++
  }

  /** Rows whose last change was at or after a time, each once, oldest first. */
  since(time: number): T[] {
    const from = this.#first(time)
    if (from < this.#tidy) this.#tidyFrom(from)
    return this.#rows.slice(from)
  }

  #first(time: number): number {
    let low = 0
    let high = this.#times.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#times[middle]! < time) low = middle + 1
      else high = middle
    }
    return low
  }

  #tidyFrom(from: number): void {
    const timeOf = this.#timeOf
    const current: T[] = []
    for (let i = from; i < this.#rows.length; i++) if (timeOf(this.#rows[i]!) === this.#times[i]) current.push(this.#rows[i]!)
    current.sort((a, b) => timeOf(a) - timeOf(b) || this.#compareIds(a.id, b.id))
    let end = from
    for (const row of current) {
      // Noted twice at one time: the places stand side by side now.
      if (end > from && this.#rows[end - 1] === row) continue
      this.#times[end] = timeOf(row)
      this.#rows[end++] = row
    }
    this.#times.length = end
    this.#rows.length = end
    this.#tidy = from
  }
}
