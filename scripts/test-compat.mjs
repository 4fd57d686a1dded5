/**
 * npm run test:compat [-- NAME ...]: runs one scenario with the official SDKs and a short one with other clients, all
 * unmodified, against a server as `npm start` runs it. NAMEs are ids of test/compat/runner/sdks.mjs and clients.mjs or
 * their beginnings (`node`, `python-3`, `azure`). A client whose registry or toolchain cannot be reached is skipped with
 * the reason. See docs/compatibility.md.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { clients, pageOrigin } from '../test/compat/runner/clients.mjs'
import { run } from '../test/compat/runner/command.mjs'
import { sdks } from '../test/compat/runner/sdks.mjs'
import { startServer, tls as tlsSettings } from '../test/compat/runner/server.mjs'
import { root } from './suite.mjs'

const compat = join(root, 'test', 'compat')
/** Chapter -> what it checks. */
const descriptions = JSON.parse(readFileSync(join(compat, 'chapters.json'), 'utf8'))
const chapters = Object.keys(descriptions)

/** The time limit of one client's scenario. */
const scenarioMs = 200_000

/** How many characters of the error output of a failed scenario are shown. */
const longestTrace = 6_000

const total = { pass: 0, fail: 0, skip: 0 }
const summary = new Map()
const wanted = process.argv.slice(2)
const known = [...sdks.map((sdk) => ({ ...sdk, chapters, environment: scenarioEnvironment })), ...clients]
const chosen = known.filter(({ id }) => wanted.length === 0 || wanted.some((name) => id.startsWith(name)))
if (chosen.length === 0) throw new Error(`Known are: ${known.map(({ id }) => id).join(', ')}.`)

const longestTitle = Math.max(...chosen.map(({ title }) => title.length))
// Each client has its own project, so that its lists do not show objects of another.
const keys = ['wire', ...chosen.map(({ id }) => id)].map((id) => `${keyOf(id)}@${id}`)
const start = join(root, 'scripts', 'start.mjs')
const main = await startServer(start, keys, { SPOOL_CORS_ORIGINS: pageOrigin })
const impatient = await startServer(join(compat, 'runner', 'impatient.mjs'), keys)
const tls = await startServer(start, keys, tlsSettings)
const servers = { main, impatient, tls }
const list = Object.values(servers)
console.log(`The servers answer at ${main.url}; for idle streams at ${impatient.url}; over TLS at ${tls.url}`)
await runAll()
await checkEnd()
console.log(
  `\n${['no SDK', ...chosen.map(({ title }) => title), 'afterwards'].map((title) => summary.get(title)).join('\n')}\n`,
)
console.log(`${total.pass} passed, ${total.fail} failed, ${total.skip} skipped`)
process.exit(total.fail > 0 ? 1 : 0)

/** Downloads and compilations of all continue while scenarios run, two at a time. */
async function runAll() {
  const prepared = chosen.map((sdk) => ({ sdk, ready: sdk.prepare() }))
  const wire = { command: process.execPath, args: [join(compat, 'runner/wire.mjs')] }
  await runScenario({ id: 'wire', title: 'no SDK', chapters: [], environment: scenarioEnvironment }, wire)
  const lane = async () => {
    for (let next = prepared.shift(); next; next = prepared.shift()) {
      await runScenario(next.sdk, await next.ready)
    }
  }
  await Promise.all([lane(), lane()])
}

/** Chapters that the scenario does not report are failures. */
async function runScenario({ id, title, ...client }, { command, args, skip, fail }) {
  const startedMs = performance.now()
  if (command === undefined) {
    report(title, [{ verdict: fail ? 'fail' : 'skip', name: 'all chapters', why: fail ?? skip }], startedMs)
    return
  }
  const env = client.environment(servers, keyOf(id))
  const ended = await run(command, args, { ms: scenarioMs, cwd: root, env })
  const results = [...ended.output.matchAll(/^(pass|fail|skip) ([^:\n]+)(?:: (.*))?$/gm)].map(
    ([, verdict, name, why]) => ({ verdict, name, why }),
  )
  const missing = client.chapters.filter((chapter) => !results.some(({ name }) => name === chapter))
  for (const name of missing)
    results.push({ verdict: 'fail', name, why: `was not reported; ${ended.reason}` })
  const isExplained = results.some(({ verdict }) => verdict === 'fail')
  if (!ended.ok && !isExplained) results.push({ verdict: 'fail', name: 'the end', why: ended.reason })
  report(title, results, startedMs)
  if (!ended.ok) console.log(ended.errors.slice(0, longestTrace).replaceAll(/^/gm, '    '))
}

function report(title, results, startedMs) {
  const counts = { pass: 0, fail: 0, skip: 0 }
  const lines = results.map(({ verdict, name, why }) => {
    counts[verdict] += 1
    total[verdict] += 1
    return `  ${verdict} ${name}${why ? `: ${why}` : ''}`
  })
  console.log(`\n${title}\n${lines.join('\n')}`)
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  const { pass, fail, skip } = counts
  summary.set(
    title,
    `${title.padEnd(longestTitle)} ${pass} passed, ${fail} failed, ${skip} skipped (${seconds} s)`,
  )
}

/** Checks the servers and the documentation after all scenarios. */
async function checkEnd() {
  const startedMs = performance.now()
  const complaints = list.flatMap((server) => server.complaints()).filter((line) => !isRequestedFailure(line))
  const ends = []
  for (const server of list) ends.push(await server.end())
  const wrong = ends.filter((end) => end !== undefined)
  const page = readFileSync(join(root, 'docs', 'compatibility.md'), 'utf8')
  const unnamed = [...known.map(({ title }) => title.split(',')[0]), ...Object.values(descriptions)].filter(
    (text) => !page.includes(text),
  )
  report(
    'afterwards',
    [
      unnamed.length === 0
        ? { verdict: 'pass', name: 'docs/compatibility.md names every SDK and chapter' }
        : { verdict: 'fail', name: 'docs/compatibility.md', why: `does not name: ${unnamed.join('; ')}` },
      complaints.length === 0
        ? { verdict: 'pass', name: 'the log has no errors but the requested ones' }
        : { verdict: 'fail', name: 'the log', why: complaints.join('\n    ') },
      wrong.length === 0
        ? { verdict: 'pass', name: 'all servers ran to the end and stopped cleanly' }
        : { verdict: 'fail', name: 'the end', why: wrong.join('\n    ') },
    ],
    startedMs,
  )
}

/** The scenarios make the model fail with this code, and with no other. */
function isRequestedFailure(line) {
  const { msg, code } = JSON.parse(line)
  return msg === 'a run failed' && code === 'rate_limit_exceeded'
}

function scenarioEnvironment({ main, impatient }, key) {
  return { OPENAI_BASE_URL: main.url, OPENAI_API_KEY: key, SPOOL_COMPAT_IDLE_URL: impatient.url }
}

function keyOf(id) {
  return `sk-compat-${id}`
}
