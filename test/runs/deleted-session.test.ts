import { randomInt } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({
    config: { sandbox: { choice: 'auto', pythonPath: undefined, downloads: false } },
  })
})
afterAll(() => server.close())

/** Whether a thread of that name runs on this host: a cell gives its session's process the name. */
function isRunning(name: string): boolean {
  const names = readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        return readdirSync(`/proc/${pid}/task`).map((task) =>
          readFileSync(`/proc/${pid}/task/${task}/comm`, 'utf8').trim(),
        )
      } catch {
        // The process has ended.
        return []
      }
    })
  return names.includes(name)
}

/** Only where cells are processes of this host. */
describe.skipIf(!existsSync('/proc/self/cmdline'))('the session of a deleted thread', () => {
  test.each(['this process', 'another process'])(
    'ends when the thread is deleted through %s, and no other session does',
    async (where) => {
      const other =
        where === 'another process' ? await server.sibling({ roles: new Set(['api'] as const) }) : undefined
      const { id: assistant_id } = await server.openai.beta.assistants.create({
        model: 'gpt-4o',
        tools: [{ type: 'code_interpreter' }],
      })
      const threadWith = async (name: string) => {
        // PR_SET_NAME is 15.
        const code = JSON.stringify({ code: `import ctypes; ctypes.CDLL(None).prctl(15, b'${name}')` })
        server.model.script([{ calls: [{ name: 'code_interpreter', arguments: code }] }, { text: ['Done.'] }])
        const run = await server.openai.beta.threads.createAndRunPoll(
          { assistant_id, thread: { messages: [{ role: 'user', content: 'Hi' }] } },
          { pollIntervalMs: 20 },
        )
        expect(run.status).toBe('completed')
        return run.thread_id
      }
      const [kept, deleted] = [0, 1].map(() => `cell${randomInt(1_000_000_000)}`) as [string, string]
      await threadWith(kept)
      const thread_id = await threadWith(deleted)
      expect([isRunning(kept), isRunning(deleted)]).toEqual([true, true])
      await (other ?? server).openai.beta.threads.delete(thread_id)
      await expect.poll(() => isRunning(deleted)).toBe(false)
      expect(isRunning(kept)).toBe(true)
    },
  )
})
