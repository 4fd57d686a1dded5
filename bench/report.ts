/** Prints what a bench measured, and keeps the raw samples. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { join } from 'node:path'

export function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}

export function median(values: number[]): number {
  return percentile(values, 0.5)
}

export function printTable(title: string, rows: string[][]): void {
  const [first] = cpus()
  console.log(
    `\n${title} · Node ${process.version} · ${cpus().length} x ${first?.model ?? '?'} · kernel ${release()}\n`,
  )
  const width = Math.max(...rows.map(([name = '']) => name.length))
  for (const [name = '', value = ''] of rows) console.log(`  ${name.padEnd(width)}  ${value}`)
  console.log('')
}

/** Raw numbers, so that a surprising row can be looked into. */
export function saveSamples(name: string, samples: object): void {
  const folder = join(import.meta.dirname, 'results')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(samples, null, 1)}\n`)
}
