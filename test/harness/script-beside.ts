/** Stands for src/util/script-beside.ts in tests (vitest.config.ts): child processes run compiled code. */
import { relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = resolve(import.meta.dirname, '../..')

export function processBeside(importMetaUrl: string, name: string): { url: URL; execArgv: string[] } {
  const folder = relative(resolve(root, 'src'), fileURLToPath(new URL('.', importMetaUrl)))
  return { url: pathToFileURL(resolve(root, 'dist', folder, `${name}.js`)), execArgv: [] }
}
