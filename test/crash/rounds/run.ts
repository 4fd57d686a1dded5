/**
 * npm run test:crash [-- --rounds=2 --seed=1 --faults=3]: kills, pauses and cuts real processes while clients work, and then checks
 * that nothing acknowledged is lost, that every run ends, and that nothing exists twice. A seed decides about the
 * setup, the faults and their order of a round; a failing one is printed and plays that round again.
 */
import { parseArgs } from 'node:util'
import type { Database } from '../../../src/database/database.ts'
import { sleep } from '../../../src/util/abort.ts'
import { buildServer } from '../../harness/built.ts'
import {
  canceller,
  follower,
  importer,
  ingester,
  pickServer,
  runner,
  writer,
  type Client,
} from './clients.ts'
import { planFaults, ready } from './faults.ts'
import { randomOf } from './random.ts'
import { openWorld, type World } from './world.ts'

/** How long the checks of a round may take: by then no run is stuck for a good reason. */
const checkMs = 240_000

const { values } = parseArgs({
  options: { rounds: { type: 'string' }, seed: { type: 'string' }, faults: { type: 'string' } },
})
const faultsOfRound = Number(values.faults ?? 3)
const firstSeed = Number(values.seed ?? Date.now() % 1_000_000)
const rounds = Number(values.rounds ?? (values.seed === undefined ? 2 : 1))

buildServer()
const total = { passed: 0, failed: 0, skipped: 0 }
for (let seed = firstSeed; seed < firstSeed + rounds; seed += 1) {
  const faults = await playRound(seed).catch((error: unknown) => [String(error)])
  if (faults.length === 0) total.passed += 1
  else {
    total.failed += 1
    console.log(
      `FAIL  npm run test:crash -- --seed=${seed} --faults=${faultsOfRound}\n  ${faults.slice(0, 20).join('\n  ')}`,
    )
  }
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exit(total.failed > 0 ? 1 : 0)

/** Returns what did not hold. */
async function playRound(seed: number): Promise<string[]> {
  const random = randomOf(seed)
  const world = await openWorld(seed % 2 === 0 ? 'one' : 'shared')
  try {
    if (!world.hasOwnDisk) {
      total.skipped += 1
      console.log('the disk is not filled: only root can mount a small one')
    }
    const pick = pickServer(world, random)
    const clients = [
      writer(pick),
      ...Array.from({ length: 4 }, (_, index) => runner(pick, random, `client ${index}`)),
      canceller(pick, random),
      follower(pick, random),
      ingester(pick),
      importer(pick, world, random),
    ]
    const plan = planFaults(world, random, faultsOfRound)
    console.log(`seed ${seed}, ${world.setup}: ${plan.map(({ name }) => name).join(', ')}`)
    const over = new AbortController()
    const working = clients.map((client) => client.work(over.signal))
    for (const [index, fault] of plan.entries()) {
      await sleep(500 + random.below(1500))
      if (faultsOfRound > 10) console.log(`  ${index + 1}: ${fault.name}`)
      await fault.run(world, random)
    }
    await sleep(1000)
    over.abort()
    await ready(world)
    const late = sleep(checkMs).then(() => 'late')
    if ((await Promise.race([Promise.all(working), late])) === 'late') return ['a client waits for ever']
    return [...(await checkAll(world, clients)), ...(await checkEnd(world))]
  } finally {
    await world.close()
  }
}

async function checkAll(world: World, clients: Client[]): Promise<string[]> {
  const timeout = sleep(checkMs).then(() => ['the checks do not end: something is stuck'])
  const checks = async () => {
    const faults = await Promise.all(clients.map((client) => client.check()))
    return [...faults.flat(), ...(await checkLogs(world))]
  }
  const faults = await Promise.race([checks(), timeout])
  console.log(
    `  ${clients.reduce((sum, client) => sum + client.count(), 0)} acknowledged objects were checked`,
  )
  return faults
}

/** No request and no file failed, and every server ends when it is asked to. */
async function checkEnd({ servers, output }: World): Promise<string[]> {
  const faults = output()
    .split('\n')
    .filter((line) => /"msg":"(?:a request|file) failed"/.test(line))
  const late = sleep(60_000).then(() => 'late')
  const ends = Promise.all(servers.map((server) => server.end('SIGTERM')))
  if ((await Promise.race([ends, late])) === 'late') faults.push('a server does not stop')
  return faults
}

/** The log of each run is numbered 1, 2, 3 … up to the count in its row. */
async function checkLogs({ db }: World): Promise<string[]> {
  if (db === null) return []
  const wrong = await db.query<{ id: string }>({
    text: `select r.id from runs r left join run_events e on e.run_id = r.id group by r.id
           having coalesce(sum(e.last - e.first + 1), 0) <> r.event_count or coalesce(max(e.last), 0) <> r.event_count`,
  })
  const twice = await db.query<{ text: string }>({
    text: `select content::text as text from messages where role = 'user' and run_id is null
           group by content::text having count(*) > 1`,
  })
  return [
    ...wrong.map(({ id }) => `the log of run ${id} has gaps`),
    ...twice.map(({ text }) => `created twice: ${text}`),
    ...(await unended(db)),
  ]
}

/** Runs that do not end, also those whose creation was not acknowledged. */
async function unended(db: Database): Promise<string[]> {
  for (let left = 600; ; left -= 1) {
    const runs = await db.query<{ id: string; status: string }>({
      text: `select id, status from runs where status in ('queued', 'in_progress', 'cancelling')`,
    })
    if (runs.length === 0 || left === 0) return runs.map(({ id, status }) => `run ${id} stays ${status}`)
    await sleep(100)
  }
}
