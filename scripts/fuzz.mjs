/**
 * Sends a million generated requests, and streams of broken providers, to a server that runs in the tests' own process.
 * `FUZZ_RUNS` is the number of requests, `FUZZ_SEED` the seed. The first failure ends it and is printed.
 */
import { randomInt } from 'node:crypto'
import { runVitest } from './suite.mjs'

const runs = Number(process.env.FUZZ_RUNS ?? 1_000_000)
const seed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31))
const upstreamRuns = Number(process.env.FUZZ_UPSTREAM_RUNS ?? Math.ceil(runs / 50))
console.log(`${runs} requests and ${upstreamRuns} streams from seed ${seed}; to repeat: FUZZ_SEED=${seed}`)

const options = ['--bail=1', '--no-file-parallelism', '--disable-console-intercept']
const env = { FUZZ_RUNS: String(runs), FUZZ_UPSTREAM_RUNS: String(upstreamRuns), FUZZ_SEED: String(seed) }
process.exit(await runVitest(['test/fuzz', ...options], env))
