import { expect, test } from 'vitest'
import { type Candidate, chooseDriver } from '../../src/sandbox/choose-driver.ts'
import type { SandboxDriver, SandboxDriverName } from '../../src/sandbox/port.ts'

type SelfTest = Awaited<ReturnType<SandboxDriver['selfTest']>>

const passes: SelfTest = { ok: true, libraries: [] }
const never = new Promise<SelfTest>(() => {})

/** A candidate whose attempts end with the given results, one after another. */
function candidate(name: SandboxDriverName, results: (SelfTest | Promise<SelfTest>)[]) {
  let closed = 0
  let attempts = 0
  const made: Candidate = {
    name,
    patienceMs: [1, 1, 60_000],
    make: async () => {
      const result = results[attempts]
      attempts += 1
      if (!result) throw new Error('it does not start')
      const driver = { name, selfTest: async () => result, close: async () => void (closed += 1) }
      return driver as Partial<SandboxDriver> as SandboxDriver
    },
  }
  return { made, closed: () => closed, attempts: () => attempts }
}

async function choose(...given: { made: Candidate }[]) {
  const { chosen, refusals } = await chooseDriver(
    given.map(({ made }) => made),
    () => {},
  )
  return { name: chosen?.candidate.name, refusals }
}

test('a self-test that runs out of time on a busy machine is tried again, and the strongest driver is chosen', async () => {
  const busy = candidate('bwrap', [never, never, passes])
  const weaker = candidate('landlock', [passes])
  expect(await choose(busy, weaker)).toEqual({ name: 'bwrap', refusals: [] })
  expect(weaker.attempts()).toBe(0)
  // Drivers of attempts that ran out of time are closed.
  expect(busy.closed()).toBe(2)
})

test('a driver that lets the probe out is refused at once', async () => {
  const weak = candidate('bwrap', [{ ok: false, why: 'the probe escaped', libraries: [] }, passes])
  expect(await choose(weak, candidate('landlock', [passes]))).toEqual({
    name: 'landlock',
    refusals: ['bwrap: the probe escaped'],
  })
  expect(weak.attempts()).toBe(1)
})

test('a driver that does not start is refused with the reason', async () => {
  expect(await choose(candidate('bwrap', []))).toEqual({
    name: undefined,
    refusals: ['bwrap: it does not start'],
  })
})
