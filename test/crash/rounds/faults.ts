/** What happens to the processes of a round, chosen at random. */
import { databasePid } from '../../harness/data-dir.ts'
import type { Database } from '../../../src/database/database.ts'
import { sleep } from '../../../src/util/abort.ts'
import type { Random } from './random.ts'
import { fillDisk, type World } from './world.ts'

interface Fault {
  name: string
  isPossible: (world: World) => boolean
  /** Breaks something, waits and repairs it. */
  run: (world: World, random: Random) => Promise<void>
}

const always = () => true

const faults: Fault[] = [
  {
    name: 'kill -9 of a server',
    isPossible: always,
    async run(world, random) {
      const place = random.below(world.servers.length)
      await world.servers[place]?.end('SIGKILL')
      await sleep(random.below(1500))
      await world.restart(place)
    },
  },
  {
    name: 'a server is paused for longer than its lease',
    isPossible: always,
    async run(world, random) {
      const { pid } = world.servers[random.below(world.servers.length)] ?? {}
      if (pid === undefined) return
      process.kill(pid, 'SIGSTOP')
      await sleep(3500 + random.below(2500))
      process.kill(pid, 'SIGCONT')
    },
  },
  {
    name: 'kill -9 of the database',
    isPossible: always,
    async run(world) {
      killDatabase(world)
      await ready(world)
    },
  },
  {
    name: 'kill -9 of all servers and their database',
    isPossible: always,
    async run(world, random) {
      const ends = world.servers.map((server) => server.end('SIGKILL'))
      killDatabase(world)
      await Promise.all(ends)
      await sleep(random.below(1000))
      for (const place of world.servers.keys()) await world.restart(place)
    },
  },
  {
    name: 'a stop signal without drain time',
    isPossible: always,
    async run(world, random) {
      const place = random.below(world.servers.length)
      await world.servers[place]?.end('SIGTERM')
      await world.restart(place)
    },
  },
  {
    name: 'the connections to the database are cut',
    isPossible: (world) => world.proxy !== null,
    async run(world, random) {
      world.proxy?.block()
      await sleep(random.below(5000))
      world.proxy?.pass()
      await ready(world)
    },
  },
  {
    name: 'all connections are ended by the database',
    isPossible: (world) => world.db !== null,
    run: async ({ db }) => endConnections(db),
  },
  {
    name: 'a connection is ended by the database',
    isPossible: (world) => world.db !== null,
    async run({ db }, random) {
      for (let left = 1 + random.below(5); left > 0; left -= 1) {
        await endConnections(db, 1)
        await sleep(random.below(200))
      }
    },
  },
  {
    name: 'the database takes no connections',
    isPossible: (world) => world.allowConnections !== null,
    async run(world, random) {
      await world.allowConnections?.(false)
      await endConnections(world.db)
      await sleep(random.below(5000))
      await world.allowConnections?.(true)
      await ready(world)
    },
  },
  {
    name: 'the servers are restarted one after the other',
    isPossible: (world) => world.db !== null,
    async run(world) {
      for (const place of world.servers.keys()) {
        await world.servers[place]?.end('SIGTERM')
        await world.restart(place)
      }
    },
  },
  {
    name: 'a full disk',
    isPossible: (world) => world.hasOwnDisk,
    async run(world, random) {
      const free = fillDisk(world.databaseFolder)
      await sleep(1000 + random.below(3000))
      free()
      await ready(world)
    },
  },
]

/** One fault for each name, in an order that depends on the seed. */
export function planFaults(world: World, random: Random, count: number): Fault[] {
  const possible = random.shuffled(faults.filter((fault) => fault.isPossible(world)))
  return Array.from({ length: count }, (_, index) => possible[index % possible.length]).filter(
    (fault) => fault !== undefined,
  )
}

/** Ends connections of the servers, all or so many of them; the database may be restarting. */
async function endConnections(db: Database | null, limit?: number): Promise<void> {
  const statement = {
    text: `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and pid <> pg_backend_pid() order by random() limit $1`,
    values: [limit ?? null],
  }
  await db?.query(statement).catch(() => undefined)
}

function killDatabase({ databaseFolder }: World): void {
  const pid = databasePid(databaseFolder)
  if (pid === undefined) return
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}

/** Waits until all servers say that they are ready. */
export async function ready({ servers }: World): Promise<void> {
  for (const { url, isOver, output } of servers) {
    while (url !== '') {
      if (isOver()) throw new Error(`a server ended by itself: ${output().slice(-2000)}`)
      const answer = await fetch(`${url}/readyz`).catch(() => undefined)
      if (answer?.ok) break
      await sleep(100)
    }
  }
}
