/** Finds the script of a child process or worker thread, both in a build and straight from the sources. */
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

export interface ScriptBeside {
  url: URL
  /** What `node` needs on its command line to run the script. */
  execArgv: string[]
}

/**
 * `scriptBeside(import.meta.url, 'extract-child')` is the script of that name in the caller's folder. Imports are
 * rewritten from `.ts` to `.js` by the build, URLs are not: that is why this exists. Node 20 cannot strip types, so
 * sources run through tsx.
 */
export function scriptBeside(importMetaUrl: string, name: string): ScriptBeside {
  const fromSource = new URL(importMetaUrl).pathname.endsWith('.ts')
  const url = new URL(`./${name}.${fromSource ? 'ts' : 'js'}`, importMetaUrl)
  if (!fromSource) return { url, execArgv: [] }
  const loader = createRequire(importMetaUrl).resolve('tsx')
  return { url, execArgv: ['--import', pathToFileURL(loader).href] }
}
