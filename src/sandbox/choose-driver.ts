/** Chooses the strongest driver that works on this host: the first whose self-test passes. */
import type { Log } from '../util/log.ts'
import type { SandboxDriver, SandboxDriverName } from './port.ts'
import { messageOf } from '../util/describe-error.ts'

export interface Candidate {
  name: SandboxDriverName
  /**
   * How long each attempt of the self-test may take, ms. An attempt that runs out of time is repeated with more time,
   * because the machine may be busy; the driver is refused only after the last attempt.
   */
  patienceMs: readonly number[]
  make: () => Promise<SandboxDriver>
}

export interface Choice<C extends Candidate> {
  /** Missing when no driver works. */
  chosen?: { candidate: C; driver: SandboxDriver; libraries: string[] }
  /** `name: reason` of each driver that was refused, the strongest first. */
  refusals: string[]
}

/** Tries the candidates in their order. Never rejects because a driver fails. */
export async function chooseDriver<C extends Candidate>(
  candidates: readonly C[],
  log: Log,
): Promise<Choice<C>> {
  const refusals: string[] = []
  for (const candidate of candidates) {
    const trial = await tryOut(candidate, log)
    if ('driver' in trial) return { chosen: { candidate, ...trial }, refusals }
    refusals.push(`${candidate.name}: ${trial.why}`)
    log('info', 'sandbox driver refused', { sandbox: candidate.name, why: trial.why })
  }
  return { refusals }
}

type Passed = { driver: SandboxDriver; libraries: string[] }
/** `late`: the self-test ran out of time. */
type Refused = { why: string; late?: true }

async function tryOut(candidate: Candidate, log: Log): Promise<Passed | Refused> {
  let trial: Passed | Refused = { why: 'its self-test was not run' }
  for (const patienceMs of candidate.patienceMs) {
    trial = await attempt(candidate, patienceMs)
    if ('driver' in trial || !trial.late) return trial
    log('warn', 'sandbox self-test ran out of time', { sandbox: candidate.name, patience_ms: patienceMs })
  }
  return trial
}

async function attempt({ make }: Candidate, patienceMs: number): Promise<Passed | Refused> {
  let driver: SandboxDriver | undefined
  let timer: NodeJS.Timeout | undefined
  try {
    driver = await make()
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), patienceMs)
    })
    const result = await Promise.race([driver.selfTest(), late])
    if (result?.ok) return { driver, libraries: result.libraries }
    await driver.close()
    if (result) return { why: result.why ?? 'its self-test failed' }
    return { why: `its self-test took longer than ${patienceMs / 1000} s`, late: true }
  } catch (error) {
    await driver?.close()
    return { why: messageOf(error) }
  } finally {
    clearTimeout(timer)
  }
}
