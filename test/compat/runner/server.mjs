/** The servers that the scenarios use: separate processes with new data folders. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Longest wait for a server to listen; a first start compiles, too. */
const startMs = 120_000

const fixture = (name) => fileURLToPath(new URL(`../../harness/tls/${name}.pem`, import.meta.url))

/** What clients must trust to reach a server with `tls`. */
export const certificate = fixture('certificate')

/** Settings of a server that speaks https. */
export const tls = { SPOOL_TLS_CERT: certificate, SPOOL_TLS_KEY: fixture('key') }

/**
 * Resolves when the banner is out. `keys` are what SPOOL_API_KEY takes, `more` are further settings. `complaints()` are
 * the warnings and errors in its log; `end()` stops it and resolves with undefined, or with what was wrong with its end.
 */
export async function startServer(script, keys, more = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'spool-compat-'))
  // A new working folder, so that no other spool.config.json is read.
  const child = spawn(process.execPath, [script], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: '0',
      SPOOL_DISCOVERY: '0',
      SPOOL_DATA_DIR: join(folder, 'data'),
      SPOOL_API_KEY: keys.join(','),
      ...more,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  const collect = (chunk) => (printed += chunk)
  child.stdout.setEncoding('utf8').on('data', collect)
  child.stderr.setEncoding('utf8').on('data', collect)
  const url = await announced(child, () => printed)
  return {
    url,
    complaints: () => printed.split('\n').filter((line) => /^\{"level":"(warn|error|fatal)"/.test(line)),
    async end() {
      const isAlive = child.exitCode === null && child.signalCode === null
      if (isAlive) {
        child.kill('SIGTERM')
        await once(child, 'exit')
      }
      rmSync(folder, { recursive: true, force: true })
      if (isAlive && child.exitCode === 0) return undefined
      const how = `${isAlive ? 'told to stop, it' : 'by itself it'} ended with ${child.exitCode ?? child.signalCode}`
      return `${how}; its last words: ${printed.slice(-2000)}`
    },
  }
}

async function announced(child, printed) {
  const timer = setTimeout(() => child.kill('SIGKILL'), startMs)
  try {
    for (;;) {
      const [, url] = /answers at (\S+\/v1)/.exec(printed()) ?? []
      if (url !== undefined) return url
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`the server did not start: ${printed()}`)
      await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
    }
  } finally {
    clearTimeout(timer)
  }
}
