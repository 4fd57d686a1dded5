/**
 * Reads comma-separated values (RFC 4180) piece by piece. The first line decides between commas, tabs and semicolons.
 */

/** Use one reader for each file. */
export class CsvReader {
  #columns: string[] | undefined
  #separator = ','
  #row: string[] = []
  #field = ''
  #state: 'plain' | 'quoted' | 'quote in quoted' = 'plain'
  #line = 1
  #rowLine = 1

  /** Returns the rows that end in this piece, each as an object with the names of the first line as keys. */
  read(piece: string): { line: number; value: Record<string, string> }[] {
    if (this.#columns === undefined && this.#row.length === 0 && this.#field === '') {
      this.#separator = separatorOf(piece.slice(0, piece.indexOf('\n')))
    }
    const rows: { line: number; value: Record<string, string> }[] = []
    for (const sign of piece) {
      if (sign === '\n') this.#line += 1
      if (this.#take(sign)) this.#endRow(rows)
    }
    return rows
  }

  /** Call after the last piece. Returns a last row without a line end. */
  end(): { line: number; value: Record<string, string> }[] {
    const rows: { line: number; value: Record<string, string> }[] = []
    if (this.#field !== '' || this.#row.length > 0) this.#endRow(rows)
    return rows
  }

  /** Returns whether the character ends the row. */
  #take(sign: string): boolean {
    if (this.#state === 'quoted') {
      if (sign === '"') this.#state = 'quote in quoted'
      else this.#field += sign
      return false
    }
    if (this.#state === 'quote in quoted' && sign === '"') {
      this.#field += '"'
      this.#state = 'quoted'
      return false
    }
    this.#state = 'plain'
    if (sign === '"' && this.#field === '') this.#state = 'quoted'
    else if (sign === this.#separator) this.#endField()
    else if (sign === '\n') return true
    else if (sign !== '\r') this.#field += sign
    return false
  }

  #endField(): void {
    this.#row.push(this.#field)
    this.#field = ''
  }

  #endRow(rows: { line: number; value: Record<string, string> }[]): void {
    this.#endField()
    const row = this.#row
    this.#row = []
    const line = this.#rowLine
    this.#rowLine = this.#line
    if (row.length === 1 && row[0] === '') return
    if (this.#columns === undefined) {
      this.#columns = row.map((name) => name.trim())
      return
    }
    const value: Record<string, string> = Object.create(null)
    for (const [index, name] of this.#columns.entries()) value[name] = row[index] ?? ''
    rows.push({ line, value })
  }
}

/** The character that separates the names in the first line. */
export function separatorOf(header: string): string {
  const counts = [',', '\t', ';'].map((sign) => ({ sign, count: header.split(sign).length }))
  return counts.toSorted((a, b) => b.count - a.count)[0]?.sign ?? ','
}
