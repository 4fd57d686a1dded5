import { expect, test } from 'vitest'
import type { RunRow } from '../sql/runs.ts'
import { codeInterpreterTool } from './code-interpreter.ts'

const unused = () => Promise.reject(new Error('nothing is looked up before there is a sandbox'))

test('a run that waits for the sandbox to be chosen can be stopped', async () => {
  const tool = codeInterpreterTool({
    db: { query: unused },
    files: { names: unused, open: unused, create: unused },
    sandboxes: new Promise(() => {}),
    worker: 'worker_1',
  })
  const stop = new AbortController()
  const offered = tool.offer({ type: 'code_interpreter' }, {} as RunRow, stop.signal)
  stop.abort(new Error('the run was cancelled'))
  await expect(offered).rejects.toThrow('the run was cancelled')
})
