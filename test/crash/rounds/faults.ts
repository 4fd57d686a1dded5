/** What happens to the processes of a round, chosen at random. */
import { databasePid } from '../../harness/data-dir.ts'
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
