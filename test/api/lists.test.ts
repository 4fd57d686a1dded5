import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errors, type ObjectKind } from '../../src/api/errors.ts'
import { newId } from '../../src/util/ids.ts'
import { testServer, wireError, type TestServer } from '../harness/server.ts'
import { expectList, type Kind } from '../harness/shapes.ts'
import { stories } from '../harness/stories.ts'

/** A list with 45 items. */
interface Listed {
  kind: Kind & ObjectKind
  path: string
  /** In the order in which they were made. */
  ids: string[]
  /** What its ids begin with. */
  prefix: string
}

let server: TestServer
const lists: Record<string, Listed> = {}
const story = stories(() => server)
const count = 45
const numbers = Array.from({ length: count }, (_, index) => index)

beforeAll(async () => {
  server = await testServer()
  lists.assistants = { kind: 'assistant', path: '/assistants', ids: [], prefix: 'asst' }
  for (const index of numbers) {
    const { id } = await story.newAssistant({ name: `number ${index}` })
    lists.assistants.ids.push(id)
  }
  const thread = await story.newThread('message 0')
  const path = `/threads/${thread.id}`
  const ids = [(await story.messages(thread)).data[0].id]
  for (const index of numbers.slice(1)) {
    const message = await story.post(`${path}/messages`, { role: 'user', content: `message ${index}` })
    ids.push(message.id)
  }
  lists.messages = { kind: 'message', path: `${path}/messages`, ids, prefix: 'msg' }

  server.model.whenever(() => ({ text: 'x' }))
  const assistant = await story.newAssistant({ instructions: 'Speak.' })
  const talk = await story.post('/threads')
  const runs: string[] = []
  for (const _ of numbers) runs.push((await story.runToRest({ assistant, thread: talk })).id)
  lists.runs = { kind: 'run', path: `/threads/${talk.id}/runs`, ids: runs, prefix: 'run' }
  await server.request('DELETE', `/assistants/${assistant.id}`)

  // A run of 45 steps would take 45 turns; copies of a true step stand for them.
  const [run] = runs
  const [step] = (await story.steps({ id: run, thread_id: talk.id })).data
  const steps = [step.id]
  for (const _ of numbers.slice(1)) {
    const id = newId('step')
    await server.db.query({
      text: `insert into run_steps
             select (json_populate_record(s, json_build_object('id', $1::text, 'seq', nextval('thread_items')))).*
             from run_steps s where id = $2`,
      values: [id, step.id],
    })
    steps.push(id)
  }
  lists.steps = { kind: 'step', path: `/threads/${talk.id}/runs/${run}/steps`, ids: steps, prefix: 'step' }
})
afterAll(() => server.close())

const names = ['assistants', 'messages', 'runs', 'steps']

describe.each(names)('the list of %s', (name) => {
  const list = () => lists[name]!
  const page = (query: string) => story.get(`${list().path}?${query}`)
  const idsOf = async (query: string) => (await page(query)).data.map((one: any) => one.id)
  const newest = () => list().ids.toReversed()

  async function refusal(query: string) {
    const { status, body } = await server.request('GET', `${list().path}?${query}`)
    return { status, body }
  }

  test('shows the newest twenty without a limit', async () => {
    const body = await story.get(list().path)
    expectList(list().kind, body)
    expect(body.data.map((one: any) => one.id)).toEqual(newest().slice(0, 20))
    expect(body.has_more).toBe(true)
  })

  test.each(['asc', 'desc'])('is read to its end in three pages, %s', async (order) => {
    const seen: string[] = []
    const more: boolean[] = []
    let after = ''
    for (;;) {
      const body = await page(`order=${order}${after}`)
      expectList(list().kind, body)
      seen.push(...body.data.map((one: any) => one.id))
      more.push(body.has_more)
      if (!body.has_more) break
      after = `&after=${body.last_id}`
    }
    expect(seen).toEqual(order === 'asc' ? list().ids : newest())
    expect(more).toEqual([true, true, false])
  })

  test('has the page next to the cursor with before, in the order of the list', async () => {
    const ids = newest()
    const at = (index: number) => `before=${ids[index]}`
    expect(await idsOf(`${at(2)}&limit=1`)).toEqual([ids[1]])
    expect(await idsOf(at(2))).toEqual([ids[0], ids[1]])
    expect(await idsOf(at(0))).toEqual([])
    const body = await page(`${at(30)}&limit=10`)
    expect(body.data.map((one: any) => one.id)).toEqual(ids.slice(20, 30))
    expect(body.has_more).toBe(true)
    expect((await page(`${at(10)}&limit=10`)).has_more).toBe(false)
    const up = list().ids
    expect(await idsOf(`before=${up[30]}&limit=10&order=asc`)).toEqual(up.slice(20, 30))
  })

  test('has the page between two cursors', async () => {
    const ids = newest()
    expect(await idsOf(`after=${ids[3]}&before=${ids[8]}`)).toEqual(ids.slice(4, 8))
    expect(await idsOf(`after=${ids[3]}&before=${ids[4]}`)).toEqual([])
    expect(await idsOf(`after=${ids[8]}&before=${ids[3]}`)).toEqual([])
    const body = await page(`after=${ids[3]}&before=${ids[30]}&limit=5`)
    expect([body.data.map((one: any) => one.id), body.has_more]).toEqual([ids.slice(4, 9), true])
  })

  test('has an empty last page with null ids', async () => {
    expect(await page(`after=${newest().at(-1)}`)).toEqual({
      object: 'list',
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
    })
  })

  test('accepts limits from one to a hundred', async () => {
    expect(await idsOf('limit=1')).toEqual(newest().slice(0, 1))
    expect(await idsOf('limit=45')).toEqual(newest())
    expect((await page('limit=45')).has_more).toBe(false)
    expect((await page('limit=44')).has_more).toBe(true)
    expect(await idsOf('limit=100')).toHaveLength(count)
    expect(await refusal('limit=0')).toEqual(wireError(errors.integerTooSmall('limit', 1, 0)))
    expect(await refusal('limit=-3')).toEqual(wireError(errors.integerTooSmall('limit', 1, -3)))
    expect(await refusal('limit=101')).toEqual(wireError(errors.integerTooBig('limit', 100, 101)))
    for (const limit of ['abc', '']) {
      expect(await refusal(`limit=${limit}`)).toEqual(
        wireError(errors.invalidType('limit', 'an integer', 'a string')),
      )
    }
    expect(await refusal('limit=1.5')).toEqual(
      wireError(errors.invalidType('limit', 'an integer', 'a decimal')),
    )
  })

  test('can be in ascending and in descending order', async () => {
    expect(await refusal('order=newest')).toEqual(
      wireError(errors.invalidValue('order', 'newest', ['asc', 'desc'])),
    )
  })

  test('refuses cursors of another kind, and answers 404 for unknown ones', async () => {
    const { kind, prefix } = list()
    for (const cursor of ['after', 'before']) {
      expect(await refusal(`${cursor}=abc`)).toEqual(wireError(errors.invalidId(cursor, 'abc', prefix)))
      expect(await refusal(`${cursor}=${prefix}_gone`)).toEqual(
        wireError(errors.notFound(kind, `${prefix}_gone`)),
      )
    }
  })

  test('ignores unknown query parameters', async () => {
    const include = 'include[]=step_details.tool_calls[*].file_search.results[*].content'
    expect(await idsOf(`limit=2&foo=bar&${include}`)).toEqual(newest().slice(0, 2))
  })
})

test('a cursor that was deleted in between is not found', async () => {
  const thread = await story.newThread('one', 'two', 'three')
  const [, middle] = (await story.messages(thread)).data
  const path = `/threads/${thread.id}/messages`
  await server.request('DELETE', `${path}/${middle.id}`)
  for (const cursor of ['after', 'before']) {
    const { status, body } = await server.request('GET', `${path}?${cursor}=${middle.id}`)
    expect({ status, body }).toEqual(wireError(errors.notFound('message', middle.id)))
  }
  expect((await story.messages(thread)).data).toHaveLength(2)
})

test('a cursor from another thread is not found, and an unknown thread is reported first', async () => {
  const [here, there] = [await story.newThread('one'), await story.newThread('two')]
  const foreign = (await story.messages(there)).first_id
  const at = async (path: string) => {
    const { status, body } = await server.request('GET', path)
    return { status, body }
  }
  expect(await at(`/threads/${here.id}/messages?after=${foreign}`)).toEqual(
    wireError(errors.notFound('message', foreign)),
  )
  const absent = wireError(errors.notFound('thread', 'thread_gone'))
  for (const path of ['messages', `messages?after=${foreign}`, 'runs', 'runs?after=run_x']) {
    expect(await at(`/threads/thread_gone/${path}`)).toEqual(absent)
  }
  expect(await at('/threads/thread_gone/runs/run_x/steps?before=step_x')).toEqual(absent)
  expect(await at(`/threads/${here.id}/runs/run_x/steps?before=step_x`)).toEqual(
    wireError(errors.notFound('run', 'run_x')),
  )
})

test('messages of the same second are listed in the order of their creation, in both directions', async () => {
  const texts = Array.from({ length: 30 }, (_, index) => `text ${index}`)
  const thread = await story.newThread(...texts)
  const read = async (order: string) =>
    (await story.messages(thread, `order=${order}&limit=100`)).data.map(
      (one: any) => one.content[0].text.value,
    )
  expect(await read('asc')).toEqual(texts)
  expect(await read('desc')).toEqual(texts.toReversed())
})

test('the SDK reads all pages of a list, and then stops', async () => {
  const seen: string[] = []
  for await (const assistant of server.openai.beta.assistants.list({ limit: 7 })) seen.push(assistant.id)
  expect(seen).toEqual(lists.assistants!.ids.toReversed())
})

test('an empty list has null ids', async () => {
  const empty = { object: 'list', data: [], first_id: null, last_id: null, has_more: false }
  const thread = await story.post('/threads')
  for (const path of ['messages', 'runs']) {
    const { body } = await server.request('GET', `/threads/${thread.id}/${path}`)
    expect(JSON.stringify(body)).toBe(JSON.stringify(empty))
  }
})
