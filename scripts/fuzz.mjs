/**
 * Sends a million generated requests, and streams of broken providers, at a server that runs in the tests' own process.
 * `FUZZ_RUNS` says how many, `FUZZ_SEED` from where; the first that goes wrong ends it and is printed.
 */
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const runs = Number(process.env.FUZZ_RUNS ?? 1_000_000)
const seed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31))
const upstreamRuns = Number(process.env.FUZZ_UPSTREAM_RUNS ?? Math.ceil(runs / 50))
console.log(
  `${runs} requests and ${upstreamRuns} streams from seed ${seed}; the same again: FUZZ_SEED=${seed}`,
)

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
const options = ['run', 'test/fuzz', '--bail=1', '--no-file-parallelism', '--disable-console-intercept']
const child = spawn(process.execPath, [vitest, ...options], {
  cwd: root,
  stdio: 'inherit',
  env: {
    ...process.env,
    FUZZ_RUNS: String(runs),
    FUZZ_UPSTREAM_RUNS: String(upstreamRuns),
    FUZZ_SEED: String(seed),
  },
})
child.on('close', (code) => process.exit(code ?? 1))
