import { expect, test } from 'vitest'
import type { RunWork } from '../api/run-work.ts'
import { WorkWriter } from './work-writer.ts'

test('a process that stops waits until the traces of its runs are written', async () => {
  const events: string[] = []
  let write = () => {}
  const written = new Promise<void>((resolve) => (write = resolve))
  const query = async () => {
    await written
    events.push('written')
    return []
  }
  const writer = new WorkWriter({ db: { query }, log: () => {}, isOn: () => true })
  writer.save('run_1', { id: 'work_1', kind: 'worker', started_ms: 1 } as RunWork)
  const closing = writer.close().then(() => events.push('closed'))
  // Everything that could close it without the write has happened by the next tick.
  await new Promise(setImmediate)
  write()
  await closing
  expect(events).toEqual(['written', 'closed'])
})
