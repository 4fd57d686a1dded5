/** Prints the results of a bench, and stores the raw samples. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release } from 'node:os'
import { join } from 'node:path'

export function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}

export function median(values: number[]): number {
  return percentile(values, 0.5)
}

/** Rows of texts under a title that names the machine and its load. */
export function printTable(title: string, rows: string[][]): void {
  const [first] = cpus()
  const load = loadavg()[0]?.toFixed(1) ?? '?'
  console.log(
    `\n${title} · Node ${process.version} · ${cpus().length} x ${first?.model ?? '?'} · kernel ${release()} · load ${load}\n`,
  )
  const columns = Math.max(...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    )
    console.log(`  ${cells.join('   ')}`)
  }
  console.log('')
}

/** Stores raw numbers, so that a surprising row can be examined. */
export function saveSamples(name: string, samples: object): void {
  const folder = join(import.meta.dirname, 'results')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(samples, null, 1)}\n`)
}
