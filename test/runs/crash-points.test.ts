/**
 * Every point between two effects of a run on the outside: the process is killed there, or paused, or loses its
 * connection to the database. Another process recovers the run, and the invariants of docs/run-lifecycle.md must hold.
 *
 * CRASH_POINT=SCENARIO/PACE/NUMBER/FAULT plays one point, as a failure names it; a second NUMBER/FAULT is for the
 * process that recovers. CRASH_POINTS=all plays every fault at both paces, and kills the recovering process as well.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDiskBlobStore } from '../../src/blobs/disk.ts'
import type { BlobStore } from '../../src/blobs/port.ts'
import { testClock } from '../harness/clock.ts'
import type { Pace, World } from '../harness/crash-points/engine-process.ts'
import { isPossible, type Fault, type FaultKind } from '../harness/crash-points/gate.ts'
import { expectInvariants } from '../harness/crash-points/invariants.ts'
import { play, type Play } from '../harness/crash-points/play.ts'
import { scenarios, type Scenario } from '../harness/crash-points/scenarios.ts'
import { makeDataDir } from '../harness/data-dir.ts'
import { testDatabase, type TestDatabase } from '../harness/database.ts'

/** Points that are played in parallel, each with its own database: most of their time is waiting. */
const laneCount = 6
const kinds: FaultKind[] = ['kill before', 'kill after', 'cut before', 'cut after', 'pause before']
const paces: Pace[] = ['piecewise', 'at once']

const isAll = process.env.CRASH_POINTS === 'all'
const wanted = process.env.CRASH_POINT?.split('/')

let lanes: TestDatabase[]
let blobs: BlobStore
const data = makeDataDir()

beforeAll(async () => {
  blobs = await openDiskBlobStore({ type: 'disk', folder: join(data.path, 'blobs') })
  lanes = []
  for (let lane = 0; lane < laneCount; lane += 1) lanes.push(await testDatabase({ poolSize: 3 }))
})
afterAll(async () => {
  for (const lane of lanes) await lane.drop()
  await data.remove()
})

interface Point {
  pace: Pace
  faults: Fault[]
}

async function playPoint(db: TestDatabase['db'], scenario: Scenario, { pace, faults }: Point): Promise<Play> {
  const world: World = { db, blobs, clock: testClock(), seen: [], cells: [] }
  const played = await play(world, { scenario, pace, faults })
  await expectInvariants(world, scenario, played)
  return played
}

/** As CRASH_POINT takes it. */
function nameOf(scenario: Scenario, { pace, faults }: Point): string {
  return [scenario.name, pace, ...faults.flatMap(({ at, kind }) => [at, kind])].join('/')
}

/** Plays all points; returns how many met their fault, and what failed. */
async function playAll(scenario: Scenario, points: Point[]): Promise<{ met: number; failures: string[] }> {
  const waiting = points.entries()
  const failures: string[] = []
  let met = 0
  const work = lanes.map(async ({ db }) => {
    for (const [, point] of waiting) {
      try {
        const { gates } = await playPoint(db, scenario, point)
        if (point.faults.every((_, index) => gates[index]?.hasMetFault)) met += 1
      } catch (error) {
        failures.push(`${nameOf(scenario, point)}: ${error instanceof Error ? error.stack : String(error)}`)
        await db.query({ text: `truncate runs, messages, run_steps, run_events cascade` })
      }
    }
  })
  await Promise.all(work)
  return { met, failures }
}

/** One fault at each effect that a run without faults has; at the second pace only the faults that differ most. */
async function pointsOf(scenario: Scenario, pace: Pace): Promise<Point[]> {
  const [lane] = lanes
  if (!lane) throw new Error('expected a database')
  const { gates } = await playPoint(lane.db, scenario, { pace, faults: [] })
  const effects = gates[0]?.effects ?? []
  // A request that is paused before its run exists creates a second run later.
  const created = effects.findIndex(({ name }) => name === 'commit')
  return effects.flatMap((effect, index) =>
    (pace === 'piecewise' || isAll ? kinds : (['kill after', 'cut after', 'pause before'] as const))
      .filter((kind) => isPossible(kind, effect.kind) && (kind !== 'pause before' || index > created))
      .map((kind) => ({ pace, faults: [{ at: index + 1, kind }] })),
  )
}

/** The points again, with a kill of the recovering process at each of its first effects. */
function withSecondKill(points: Point[]): Point[] {
  return points
    .filter(({ faults }) => faults[0]?.kind === 'kill after')
    .flatMap(({ pace, faults }) =>
      Array.from({ length: 30 }, (_, at): Point => {
        return { pace, faults: [...faults, { at: at + 1, kind: 'kill before' }] }
      }),
    )
}

for (const scenario of scenarios.filter(({ name }) => wanted === undefined || name === wanted[0])) {
  test(`${scenario.name}: every point is recovered`, { timeout: 3_600_000 }, async () => {
    const points = wanted ? [pointNamed(wanted)] : []
    if (!wanted) for (const pace of paces) points.push(...(await pointsOf(scenario, pace)))
    if (isAll) points.push(...withSecondKill(points))
    const { met, failures } = await playAll(scenario, points)
    console.log([`${scenario.name}: ${points.length} points, ${met} met`, ...failures].join('\n'))
    expect(failures).toEqual([])
    // A few numbers shift between plays. A fault that is not met proves nothing.
    if (!isAll) expect(met).toBeGreaterThan(points.length * 0.95)
  })
}

function pointNamed([, pace, ...rest]: string[]): Point {
  const faults: Fault[] = []
  for (let index = 0; index < rest.length; index += 2) {
    faults.push({ at: Number(rest[index]), kind: rest[index + 1] as FaultKind })
  }
  return { pace: pace as Pace, faults }
}
