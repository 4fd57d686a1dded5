/**
 * Finds the script of a child process or worker thread, in a build and in the sources. The build rewrites imports from
 * `.ts` to `.js`, but not URLs. Node 20 cannot strip types, so sources run through tsx.
 */
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

/** For `fork`: the script of that name in the caller's folder, and the arguments that `node` needs to run it. */
export function processBeside(importMetaUrl: string, name: string): { url: URL; execArgv: string[] } {
  const url = beside(importMetaUrl, name)
  return { url, execArgv: isSource(url) ? ['--import', packageUrl(importMetaUrl, 'tsx')] : [] }
}

function beside(importMetaUrl: string, name: string): URL {
  return new URL(`./${name}.${isSource(new URL(importMetaUrl)) ? 'ts' : 'js'}`, importMetaUrl)
}

function isSource(url: URL): boolean {
  return url.pathname.endsWith('.ts')
}

function packageUrl(importMetaUrl: string, name: string): string {
  return pathToFileURL(createRequire(importMetaUrl).resolve(name)).href
}
