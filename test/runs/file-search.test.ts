import { toFile } from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ScriptedStep } from '../harness/scripted-model.ts'
import { pdf } from '../documents/make-files.ts'
import { testServer, type TestServer } from '../harness/server.ts'

let server: TestServer
let food: string
let towns: string
let store: string
let assistant: string

async function upload(name: string, text: string): Promise<string> {
  const file = await toFile(Buffer.from(text), name)
  return (await server.openai.files.create({ file, purpose: 'assistants' })).id
}

beforeAll(async () => {
  server = await testServer()
  food = await upload('food.txt', 'The favorite food of Filip is cake with plums.')
  towns = await upload('towns.txt', 'The lighthouse of Lindau is 33 metres high.')
  store = (await server.openai.vectorStores.create({ name: 'known' })).id
  const poll = { pollIntervalMs: 20 }
  await server.openai.vectorStores.files.createAndPoll(store, { file_id: food }, poll)
  assistant = await makeAssistant({ file_search: { vector_store_ids: [store] } })
})
afterAll(async () => {
  await server.close()
})

async function makeAssistant(tool_resources?: object): Promise<string> {
  const made = await server.openai.beta.assistants.create({
    model: 'gpt-4o',
    tools: [{ type: 'file_search' }],
    ...(tool_resources && { tool_resources }),
  })
  return made.id
}

const search = (...queries: string[]): ScriptedStep => ({
  calls: queries.map((query) => ({ name: 'file_search', arguments: JSON.stringify({ queries: [query] }) })),
})

/** The marks in the request to the model, in order. */
function marksIn(body: any): string[] {
  const outputs = body.messages
    .filter((message: any) => message.role === 'tool')
    .map((one: any) => one.content)
  return [...outputs.join('\n').matchAll(/【\d+:\d+†[^】]*】/g)].map(([mark]) => mark)
}

/** A search and then an answer made from the marks that the search gave. */
function answerWith(query: string, text: (marks: string[]) => string[]): ScriptedStep[] {
  const pieces: string[] = []
  const expectBody = (body: any) => void pieces.push(...text(marksIn(body)))
  return [search(query), { text: pieces, expect: expectBody }]
}

async function ask(steps: ScriptedStep[], thread: object = {}, path = '/threads/runs') {
  server.model.script(steps)
  return server.stream(path, {
    assistant_id: assistant,
    thread: { messages: [{ role: 'user', content: 'What does Filip like?' }], ...thread },
  })
}

test('a search streams as its own step, and a mark in the answer becomes one whole citation', async () => {
  const events = await ask(
    answerWith('favorite food', ([mark = '']) => ['Cake', mark.slice(0, 3), mark.slice(3), '.']),
  )
  expect(events.map((one) => one.event)).toEqual([
    'thread.created',
    'thread.run.created',
    'thread.run.queued',
    'thread.run.in_progress',
    'thread.run.step.created',
    'thread.run.step.in_progress',
    'thread.run.step.delta',
    'thread.run.step.completed',
    'thread.run.step.created',
    'thread.run.step.in_progress',
    'thread.message.created',
    'thread.message.in_progress',
    'thread.message.delta',
    'thread.message.delta',
    'thread.message.delta',
    'thread.message.completed',
    'thread.run.step.completed',
    'thread.run.completed',
    'done',
  ])
  const step = events.find((one) => one.event === 'thread.run.step.completed')?.data
  const [call] = step.step_details.tool_calls
  expect(call.file_search.ranking_options).toEqual({ ranker: 'default_2024_08_21', score_threshold: 0 })
  expect(call.file_search.results).toEqual([
    { file_id: food, file_name: 'food.txt', score: expect.any(Number), attributes: {} },
  ])
  const message = events.find((one) => one.event === 'thread.message.completed')?.data
  const { value, annotations } = message.content[0].text
  const [annotation] = annotations
  expect(annotations).toEqual([
    {
      type: 'file_citation',
      text: expect.stringMatching(/^【\d+:0†food\.txt】$/),
      start_index: 4,
      end_index: 4 + annotation.text.length,
      file_citation: { file_id: food },
    },
  ])
  expect(value.slice(annotation.start_index, annotation.end_index)).toBe(annotation.text)
})

test('passages are shown on request, in streams and in lists', async () => {
  const include = encodeURIComponent('step_details.tool_calls[*].file_search.results[*].content')
  const events = await ask([search('food'), { text: ['ok'] }], {}, `/threads/runs?include[]=${include}`)
  const step = events.find((one) => one.event === 'thread.run.step.completed')?.data
  expect(step.step_details.tool_calls[0].file_search.results[0].content).toEqual([
    { type: 'text', text: 'The favorite food of Filip is cake with plums.' },
  ])
  const path = `/threads/${step.thread_id}/runs/${step.run_id}/steps/${step.id}`
  const bare = await server.request('GET', path)
  expect(bare.body.step_details.tool_calls[0].file_search.results[0]).not.toHaveProperty('content')
  const full = await server.request('GET', `${path}?include[]=${include}`)
  expect(full.body.step_details).toEqual(step.step_details)
})

test('a mark points to the passage that carries the claim, not to one that contradicts it', async () => {
  const older = 'Until 2019 the safety valve of the boiler opened at 5 bar.'
  const newer = 'Since 2020 the safety valve of the boiler opens at 7 bar.'
  const filler = 'Boilers are cleaned in spring. '.repeat(30)
  const { openai } = server
  const valves = (await openai.vectorStores.create({})).id
  const strategy = {
    type: 'static',
    static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 0 },
  } as const
  const ids: Record<string, string> = {}
  for (const [name, text] of Object.entries({
    'manual.txt': `${older}\n\n${filler}\n\n${newer}`,
    'notes.txt': 'Somebody wrote that the safety valve of the boiler opens at 9 bar.',
  })) {
    ids[name] = await upload(name, text)
    await openai.vectorStores.files.createAndPoll(
      valves,
      { file_id: ids[name], chunking_strategy: strategy },
      { pollIntervalMs: 20 },
    )
  }
  const reader = await makeAssistant({ file_search: { vector_store_ids: [valves] } })
  const claims = { '5 bar': 'manual.txt', '7 bar': 'manual.txt', '9 bar': 'notes.txt' }
  const pieces: string[] = []
  const readPassages = (body: any) => {
    const found: string = body.messages.at(-1).content
    for (const claim of Object.keys(claims)) {
      const passage = found.split(/\n\n(?=【)/).find((one) => one.includes(claim))
      pieces.push(`It is ${claim}`, /^【[^】]*】/.exec(passage ?? '')?.[0] ?? 'not found', '. ')
    }
  }
  server.model.script([search('When does the safety valve open?'), { text: pieces, expect: readPassages }])
  const include = encodeURIComponent('step_details.tool_calls[*].file_search.results[*].content')
  const events = await server.stream(`/threads/runs?include[]=${include}`, {
    assistant_id: reader,
    thread: { messages: [{ role: 'user', content: 'When does the valve open?' }] },
  })
  const completed = events.find((one) => one.event === 'thread.run.step.completed')?.data
  const { results } = completed.step_details.tool_calls[0].file_search
  const message = events.find((one) => one.event === 'thread.message.completed')?.data
  const { value, annotations } = message.content[0].text
  expect(annotations).toHaveLength(3)
  for (const [at, [claim, name]] of Object.entries(claims).entries()) {
    const { text, start_index, file_citation } = annotations[at]
    expect(file_citation.file_id).toBe(ids[name])
    // The second number of a mark is the place of its passage in the results.
    const [, place] = /^【\d+:(\d+)†/.exec(text) ?? []
    expect(results[Number(place)].content[0].text).toContain(claim)
    expect(value.slice(0, start_index)).toMatch(new RegExp(`${claim}$`))
  }
})

test('marks in the text and the headings of a file are no marks for the model', async () => {
  const { openai } = server
  const chats = (await openai.vectorStores.create({})).id
  const text =
    '# Chat 【4:1†towns.txt】\n\nThe mill of Goslar is red 【4:1†source】 and old【４：１†來源】 and 【small】.\n'
  const file = await toFile(Buffer.from(text), 'chat.md')
  await openai.vectorStores.files.uploadAndPoll(chats, file, { pollIntervalMs: 20 })
  const seen: string[] = []
  server.model.script([
    search('mill of Goslar'),
    { text: ['ok'], expect: (body) => seen.push(body.messages.at(-1).content) },
  ])
  await openai.beta.threads.createAndRunPoll(
    {
      assistant_id: await makeAssistant({ file_search: { vector_store_ids: [chats] } }),
      thread: { messages: [{ role: 'user', content: 'Hi' }] },
    },
    { pollIntervalMs: 20 },
  )
  expect(seen[0]?.match(/【[^】]*】/g)).toEqual([expect.stringMatching(/^【\d+:0†chat\.md】$/), '【small】'])
  expect(seen[0]).toContain('is red [4:1†source] and old')
})

test('each of several files with the same sentence, and even the same name, is cited by its own mark', async () => {
  const { openai } = server
  const twins = (await openai.vectorStores.create({})).id
  const sentence = '😀 The bridge of Wesel is 773 metres long.'
  const ids: string[] = []
  for (const name of ['bridge.txt', 'bridge.txt', 'copy of bridge.txt']) {
    ids.push(await upload(name, sentence))
    await openai.vectorStores.files.createAndPoll(twins, { file_id: ids.at(-1)! }, { pollIntervalMs: 20 })
  }
  const pieces: string[] = []
  const rows = (body: any) => {
    pieces.push('| 😀 桥 | جسر |\n|---|---|\n')
    for (const mark of marksIn(body)) pieces.push(`| 773 米${mark} | ٧٧٣ متر${mark.replace(':', '：')} |\n`)
  }
  server.model.script([search('How long is the bridge of Wesel?'), { text: pieces, expect: rows }])
  const events = await server.stream('/threads/runs', {
    assistant_id: await makeAssistant({ file_search: { vector_store_ids: [twins] } }),
    thread: { messages: [{ role: 'user', content: 'How long is it?' }] },
  })
  const step = events.find((one) => one.event === 'thread.run.step.completed')?.data
  const found = step.step_details.tool_calls[0].file_search.results.map((one: any) => one.file_id)
  expect(found.toSorted()).toEqual(ids.toSorted())
  const message = events.find((one) => one.event === 'thread.message.completed')?.data
  const { value, annotations } = message.content[0].text
  expect(annotations.map((one: any) => one.file_citation.file_id)).toEqual(
    found.flatMap((id: string) => [id, id]),
  )
  for (const { text, start_index, end_index } of annotations) {
    expect(Array.from<string>(value).slice(start_index, end_index).join('')).toBe(text)
  }
})

test('the model is shown the pages and the heading of a passage', async () => {
  const { openai } = server
  const mixed = (await openai.vectorStores.create({})).id
  const files = {
    'pages.pdf': pdf(['The harbour of Kiel froze.', 'The harbour of Lubeck did not.']),
    'heads.md': '# Harbours\n\nThe harbour of Husum is small.\n',
  }
  for (const [name, content] of Object.entries(files)) {
    const file = await toFile(Buffer.from(content), name)
    await openai.vectorStores.files.uploadAndPoll(mixed, file, { pollIntervalMs: 20 })
  }
  const seen: string[] = []
  server.model.script([
    search('harbour'),
    { text: ['ok'], expect: (body) => seen.push(body.messages.at(-1).content) },
  ])
  await openai.beta.threads.createAndRunPoll(
    {
      assistant_id: await makeAssistant({ file_search: { vector_store_ids: [mixed] } }),
      thread: { messages: [{ role: 'user', content: 'Hi' }] },
    },
    { pollIntervalMs: 20 },
  )
  expect(seen[0]).toMatch(/【\d+:\d†pages\.pdf】 \(pages 1 to 2\)\n/)
  expect(seen[0]).toMatch(/【\d+:\d†heads\.md】 \(Harbours\)\n/)
})

test('an answer that begins and ends with a mark, in deltas of one character, has both citations', async () => {
  const events = await ask(answerWith('food', ([mark = '']) => Array.from(`${mark} says cake 🎂${mark}`)))
  const message = events.find((one) => one.event === 'thread.message.completed')?.data
  const { value, annotations } = message.content[0].text
  const length = Array.from(value).length
  expect(annotations).toMatchObject([
    { start_index: 0, file_citation: { file_id: food } },
    { end_index: length, file_citation: { file_id: food } },
  ])
  const deltas = events.filter((one) => one.event === 'thread.message.delta')
  const texts = deltas.map((one) => one.data.delta.content[0].text)
  expect(texts.map((text) => text.value).join('')).toBe(value)
  const marked = texts.filter((text) => text.annotations?.length > 0)
  expect(marked.map((text) => text.value)).toEqual(annotations.map((one: any) => one.text))
})

test.each([1, 4, 8])('a mark that is cut after %i characters by the budget stays text', async (length) => {
  const [first, answer] = answerWith('food', ([mark = '']) => [`Cake${mark} and pie`, mark.slice(0, length)])
  const events = await ask([first!, { ...answer!, finish_reason: 'length' }])
  const message = events.find((one) => one.event === 'thread.message.incomplete')?.data
  const { value, annotations } = message.content[0].text
  expect(annotations).toHaveLength(1)
  expect(value).toBe(`Cake${annotations[0].text} and pie${annotations[0].text.slice(0, length)}`)
})

test('a claim at the limit of two chunks of one file is cited by the passage that was marked', async () => {
  const { openai } = server
  const claim = 'The crane of Emden lifts 320 tonnes.'
  const filler = (word: string) => `The ${word} of the yard is repaired in winter. `.repeat(7)
  const long = (await openai.vectorStores.create({})).id
  const file_id = await upload('yard.txt', `${filler('gate')}${claim} ${filler('fence')}`)
  const chunking_strategy = {
    type: 'static',
    static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 30 },
  } as const
  const poll = { pollIntervalMs: 20 }
  await openai.vectorStores.files.createAndPoll(long, { file_id, chunking_strategy }, poll)
  const pieces: string[] = []
  const citeAll = (body: any) => {
    const passages: string[] = body.messages.at(-1).content.split(/\n\n(?=【)/)
    for (const passage of passages.filter((one) => one.includes(claim)))
      pieces.push(`320 tonnes${/^【[^】]*】/.exec(passage)?.[0]}. `)
  }
  server.model.script([search('crane of Emden'), { text: pieces, expect: citeAll }])
  const events = await server.stream('/threads/runs', {
    assistant_id: await makeAssistant({ file_search: { vector_store_ids: [long] } }),
    thread: { messages: [{ role: 'user', content: 'How much does it lift?' }] },
  })
  const message = events.find((one) => one.event === 'thread.message.completed')?.data
  const { annotations } = message.content[0].text
  expect(pieces.length).toBeGreaterThan(1)
  expect(annotations.map((one: any) => one.file_citation.file_id)).toEqual(pieces.map(() => file_id))
  expect(new Set(annotations.map((one: any) => one.text)).size).toBe(pieces.length)
})

test('a mark that matches no passage stays text', async () => {
  const events = await ask(answerWith('food', () => ['Cake【99:9†food.txt】.']))
  const message = events.find((one) => one.event === 'thread.message.completed')?.data
  expect(message.content[0].text).toEqual({ value: 'Cake【99:9†food.txt】.', annotations: [] })
})

test('the stores of assistant and thread are searched together, and marks of several searches differ', async () => {
  const seen: string[] = []
  const thread = {
    messages: [
      {
        role: 'user',
        content: 'Hi',
        attachments: [{ file_id: towns, tools: [{ type: 'file_search' }] }],
      },
    ],
  }
  const events = await ask(
    [
      search('lighthouse Lindau', 'favorite food'),
      search('cake'),
      { text: ['ok'], expect: (body) => seen.push(...marksIn(body)) },
    ],
    thread,
  )
  const steps = events.filter((one) => one.event === 'thread.run.step.completed').slice(0, 2)
  const files = steps.flatMap((one) =>
    one.data.step_details.tool_calls.flatMap((call: any) =>
      call.file_search.results.map((result: any) => result.file_id),
    ),
  )
  expect(new Set(files)).toEqual(new Set([food, towns]))
  expect(new Set(seen).size).toBe(seen.length)
  expect(seen.length).toBeGreaterThanOrEqual(3)
})

test('an answer may cite what an earlier run of the thread found', async () => {
  const first = await ask(answerWith('food', ([mark = '']) => [`Cake${mark}`]))
  const message = first.find((one) => one.event === 'thread.message.completed')
  if (!message) throw new Error('expected an answer')
  const { thread_id, content } = message.data
  const [{ text }] = content[0].text.annotations
  server.model.script([{ text: [`As said${text}`] }])
  const { messages, runs } = server.openai.beta.threads
  await messages.create(thread_id, { role: 'user', content: 'Again?' })
  await runs.createAndPoll(thread_id, { assistant_id: assistant }, { pollIntervalMs: 20 })
  const [again] = (await messages.list(thread_id)).data
  expect(again?.content).toMatchObject([
    { text: { annotations: [{ text, file_citation: { file_id: food } }] } },
  ])
})

test('without any store the output of the search says that nothing was found', async () => {
  const seen: any[] = []
  server.model.script([
    search('anything'),
    { text: ['ok'], expect: (body) => seen.push(body.messages.at(-1)) },
  ])
  const run = await server.openai.beta.threads.createAndRunPoll(
    { assistant_id: await makeAssistant(), thread: { messages: [{ role: 'user', content: 'Hi' }] } },
    { pollIntervalMs: 20 },
  )
  expect(run.status).toBe('completed')
  expect(seen[0]).toMatchObject({ role: 'tool', content: 'Nothing was found in the files.' })
})

test('max_num_results and score_threshold bound what is found', async () => {
  const strict = await server.openai.beta.assistants.create({
    model: 'gpt-4o',
    tools: [{ type: 'file_search', file_search: { ranking_options: { score_threshold: 1 } } }],
    tool_resources: { file_search: { vector_store_ids: [store] } },
  })
  server.model.script([search('something else entirely'), { text: ['ok'] }])
  const run = await server.openai.beta.threads.createAndRunPoll(
    { assistant_id: strict.id, thread: { messages: [{ role: 'user', content: 'Hi' }] } },
    { pollIntervalMs: 20 },
  )
  const steps = await server.openai.beta.threads.runs.steps.list(run.id, { thread_id: run.thread_id })
  expect(steps.data.at(-1)?.step_details).toMatchObject({ tool_calls: [{ file_search: { results: [] } }] })
})

test('a run on a store that has expired fails and names it', async () => {
  const { openai } = server
  const old = await openai.vectorStores.create({ expires_after: { anchor: 'last_active_at', days: 1 } })
  const late = await makeAssistant({ file_search: { vector_store_ids: [old.id] } })
  server.clock.advance(24 * 3600 + 1)
  const run = await openai.beta.threads.createAndRunPoll(
    { assistant_id: late, thread: { messages: [{ role: 'user', content: 'Hi' }] } },
    { pollIntervalMs: 20 },
  )
  expect(run.last_error).toEqual({ code: 'server_error', message: `Vector store '${old.id}' has expired.` })
  server.complaints.length = 0
})
