/** Finds node-llama-cpp, which is an optional installation. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The major version that this driver supports. */
const majorVersion = 3
export const testedVersion = '3.22.1'

/**
 * Returns the URL of the entry file: below `folder` when one is given, else where Node resolves it from here. Throws
 * an error that says how to install the package.
 */
export function findLlamaLibrary(folder?: string): string {
  const start = folder === undefined ? import.meta.dirname : resolve(folder)
  for (let place = start; ; place = dirname(place)) {
    const home = join(place, 'node_modules', 'node-llama-cpp')
    if (existsSync(join(home, 'package.json'))) return entryOf(home)
    if (folder !== undefined || place === dirname(place)) break
  }
  const where = folder === undefined ? '' : ` in ${start}`
  throw new Error(
    `Providers of type local need the package node-llama-cpp${where}, which is not installed: npm install node-llama-cpp@${testedVersion}`,
  )
}

function entryOf(home: string): string {
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string }
  if (Number(version.split('.')[0]) !== majorVersion) {
    throw new Error(`node-llama-cpp ${version} is not supported: npm install node-llama-cpp@${testedVersion}`)
  }
  return pathToFileURL(join(home, 'dist', 'index.js')).href
}
