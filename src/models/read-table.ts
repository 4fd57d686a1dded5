/** Reads the data files of models: lines with tab-separated fields. Lines that begin with `#` are comments. */
import { readFileSync } from 'node:fs'

/** The fields of each line of `tables/NAME.tsv`. */
export function readTable(name: string): string[][] {
  return readFileSync(new URL(`tables/${name}.tsv`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t'))
}
