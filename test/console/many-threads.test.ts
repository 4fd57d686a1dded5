import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { openConsole, type Console, type Visit } from './console.ts'

const count = 100_000

let server: Console
let visit: Visit
beforeAll(async () => {
  server = await openConsole()
  const id = (prefix: string) => `'${prefix}' || lpad(n::text, 24, '0')`
  await server.db.query({
    text: `insert into threads (id, project, created_at, metadata, tool_resources)
           select ${id('thread_')}, 'default', 1700000000 + n, json_build_object('number', n::text), '{}'
           from generate_series(1, ${count}) n`,
  })
  await server.db.query({
    text: `insert into messages (id, project, thread_id, created_at, status, completed_at, role, content, attachments, metadata)
           select ${id('msg_')}, 'default', ${id('thread_')}, 1700000000 + n, 'completed', 1700000000 + n, 'user',
                  json_build_array(json_build_object('type', 'text', 'text',
                    json_build_object('value', 'question ' || n || case n when 17 then ' about zebras' else '' end, 'annotations', json_build_array()))),
                  '[]', '{}'
           from generate_series(1, ${count}) n`,
  })
  await server.db.query({ text: 'analyze' })
})
afterEach(() => visit.close())
afterAll(() => server.close())

test('of a hundred thousand threads the page draws only those that are seen, and loads more as it scrolls', async () => {
  visit = await server.visit('/console/threads')
  const { page } = visit
  await page.getByText(`question ${count}`, { exact: true }).waitFor()
  const rows = page.locator('.row')
  expect(await rows.count()).toBeLessThan(60)
  const list = "document.querySelector('[data-list-keys]')"
  for (let turn = 0; turn < 8; turn++) {
    await page.evaluate(`${list}.scrollTo(0, ${list}.scrollHeight)`)
    await expect

      .poll(() => page.evaluate<number>(`${list}.scrollHeight`))
      .toBeGreaterThan((turn + 1) * 50 * 44)
  }
  expect(await rows.count()).toBeLessThan(60)
})

test('the one thread with a word is found among them, though the oldest', async () => {
  visit = await server.visit('/console/threads?query=zebras')
  await visit.page.getByText('question 17 about zebras').waitFor()
  await expect.poll(() => visit.page.locator('.row').count()).toBe(1)
})

test('a page of the list costs the server the same at the beginning and at the end', async () => {
  visit = await server.visit('/console/server')
  const plan = async (after: string) => {
    const rows = await server.db.query<{ 'QUERY PLAN': string }>({
      text: `explain (analyze, buffers, timing off, summary off) select id from threads where project = 'default'
             and seq < (select seq from threads where id = '${after}') order by seq desc limit 51`,
    })
    const [, hits = '0'] =
      /Buffers: shared hit=(\d+)/.exec(rows.map((row) => row['QUERY PLAN']).join('\n')) ?? []
    return Number(hits)
  }
  const name = (n: number) => `thread_${String(n).padStart(24, '0')}`
  await plan(name(count))
  expect(await plan(name(1000))).toBeLessThan((await plan(name(count - 1000))) + 20)
})
