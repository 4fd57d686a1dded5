import { expect, test } from 'vitest'
import type { RunRow } from '../sql/runs.ts'
import { codeInterpreterTool } from './code-interpreter.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'

const unused = () => Promise.reject(new Error('not expected'))

/** A sandbox whose driver has not been chosen yet. */
const starting: Sandbox = {
  start: () => {},
  use: () => new Promise(() => {}),
  end: unused,
  describe: () => ({ driver: null, why: 'not chosen yet' }),
  close: unused,
}

test('the tool is available while the sandbox is still starting, and only a cell waits for it', async () => {
  const tool = codeInterpreterTool({
    db: { query: async () => [] },
    files: { names: async () => new Map(), open: unused, create: unused },
    sandbox: starting,
    worker: 'worker_1',
  })
  const row = { project: 'p', thread_id: 't', settings: { resources: {} } } as RunRow
  const offered = await tool.offer({ type: 'code_interpreter' }, row, new AbortController().signal)
  expect(offered.chat.function.description).toContain('numpy, pandas and matplotlib may be installed')
})
