/** A sandbox that is chosen after the server listens: its self-tests take a while, and nobody need wait for them. */
import type { Log } from '../util/log.ts'
import { openSandbox, type SandboxSettings } from './open.ts'
import type { Sandboxes } from './sandboxes.ts'

export interface LateSandbox {
  /** Resolves when a driver has been chosen, or none. */
  opened: Promise<Sandboxes>
  /** Begins the choice. */
  open: () => void
  /** For /readyz. */
  describe: () => object
  close: () => Promise<void>
}

export function lateSandbox(settings: Omit<SandboxSettings, 'log'>, log: Log): LateSandbox {
  let begin: (sandboxes: Promise<Sandboxes>) => void = () => {}
  const opened = new Promise<Sandboxes>((resolve) => {
    begin = resolve
  })
  let state: object = { driver: null, why: 'not chosen yet' }
  let isOpen = false
  return {
    opened,
    open() {
      isOpen = true
      begin(openSandbox({ ...settings, log: fieldsFirst(log) }))
      void opened.then((sandboxes) => {
        const { driver = null, ...more } = sandboxes.describe()
        state = { driver, ...more }
      })
    },
    describe: () => state,
    close: async () => {
      if (isOpen) await (await opened).close()
    },
  }
}

function fieldsFirst(log: Log) {
  return {
    info: (fields: object, message: string) => log('info', message, fields),
    warn: (fields: object, message: string) => log('warn', message, fields),
  }
}
