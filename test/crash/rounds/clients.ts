/**
 * What clients do during a round, and what must hold afterwards. Each records what the server acknowledged; a call that
 * failed is not repeated, so what it created may be there or not, and at most once.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { toFile, type OpenAI } from 'openai'
import { sleep } from '../../../src/util/abort.ts'
import { builtMain } from '../../harness/built.ts'
import type { Random } from './random.ts'
import type { World } from './world.ts'

export interface Client {
  /** Works until the signal aborts. */
  work(signal: AbortSignal): Promise<void>
  /** Returns what does not hold. All servers run, and no fault is active. */
  check(): Promise<string[]>
  /** How many acknowledged objects it checks. */
  count(): number
}

type Pick = () => OpenAI

/** A client of a server that runs, chosen at random. */
export function pickServer(world: World, random: Random): Pick {
  return () => {
    const alive = world.servers.filter((server) => server.url !== '' && !server.isOver())
    const [server] = alive.length > 0 ? alive.slice(random.below(alive.length)) : world.servers
    if (!server) throw new Error('expected a server')
    return server.openai
  }
}

/** Undefined when the call failed. */
const attempt = <Result>(call: () => Promise<Result>): Promise<Result | undefined> =>
  call().catch(async () => {
    await sleep(100)
    return undefined
  })

/** Asks again until there is an answer. */
async function insist<Result>(call: () => Promise<Result>): Promise<Result> {
  for (;;) {
    const result = await attempt(call)
    if (result !== undefined) return result
  }
}

/** Adds messages to a thread. */
export function writer(pick: Pick): Client {
  const acknowledged = new Set<string>()
  let thread_id: string | undefined
  return {
    async work(signal) {
      for (let number = 0; !signal.aborted; number += 1) {
        thread_id ??= (await attempt(() => pick().beta.threads.create()))?.id
        if (thread_id === undefined) continue
        const [id, content] = [thread_id, `message ${number}`]
        const message = { role: 'user' as const, content }
        const added = await attempt(() => pick().beta.threads.messages.create(id, message))
        if (added) acknowledged.add(content)
      }
    },
    async check() {
      if (thread_id === undefined) return []
      const texts: string[] = []
      for await (const { content } of pick().beta.threads.messages.list(thread_id, { limit: 100 })) {
        texts.push(content[0]?.type === 'text' ? content[0].text.value : '')
      }
      const missing = [...acknowledged].filter((text) => !texts.includes(text))
      const doubles = texts.filter((text, index) => texts.indexOf(text) !== index)
      return [...missing.map((text) => `lost: ${text}`), ...doubles.map((text) => `twice: ${text}`)]
    },
    count: () => acknowledged.size,
  }
}

interface AcknowledgedRun {
  id: string
  thread_id: string
  /** The texts that the assistant must have written, each once. */
  expected: string[]
}

/** Starts runs, streamed and plain, with and without calls of functions and cells of code. */
export function runner(pick: Pick, random: Random, name: string): Client {
  const runs: AcknowledgedRun[] = []
  const cut: string[] = []
  const tools = [
    { type: 'function' as const, function: { name: 'get_weather' } },
    { type: 'code_interpreter' as const },
  ]
  const scripts = (text: string) => [
    { content: `slow 40\nsay ${text}`, expected: [text] },
    { content: `slow 40\nsay ${text}\ncall get_weather {"city": "Lindau"}`, expected: [text] },
    { content: `slow 20\nsay ${text}\npython print(6 * 7)`, expected: [text] },
  ]
  let assistant_id: string | undefined
  return {
    async work(signal) {
      for (let number = 0; !signal.aborted; number += 1) {
        assistant_id ??= (await attempt(() => pick().beta.assistants.create({ model: 'demo', tools })))?.id
        if (assistant_id === undefined) continue
        const words = Array.from({ length: 25 }, (_, index) => `word${index}`).join(' ')
        const kinds = scripts(`answer ${number} of ${name} ${words}`)
        const { content, expected } = kinds[random.below(kinds.length)] ?? { content: '', expected: [] }
        const request = { assistant_id, thread: { messages: [{ role: 'user' as const, content }] } }
        await attempt(async () => {
          const stream = await pick().beta.threads.createAndRun({ ...request, stream: true })
          let last = ''
          for await (const { event, data } of stream) {
            last = event
            if (event === 'thread.run.created')
              runs.push({ id: data.id, thread_id: data.thread_id, expected })
            if (event === 'thread.run.requires_action') await submit(pick, data.id, data.thread_id)
          }
          if (!endsStream.test(last)) cut.push(`a stream of ${name} ended after ${last}`)
          return true
        })
      }
    },
    async check() {
      const faults = [...cut]
      for (const run of runs) faults.push(...(await checkRun(pick, run)))
      return faults
    },
    count: () => runs.length,
  }
}

/** The last events of streams; `error`: the server stops. */
const endsStream = /^(thread\.run\.(completed|requires_action)|error)$/

/** Starts runs with slow answers, and cancels each at another server. */
export function canceller(pick: Pick, random: Random): Client {
  const cancelled: { id: string; thread_id: string }[] = []
  let assistant_id: string | undefined
  return {
    async work(signal) {
      for (let number = 0; !signal.aborted; number += 1) {
        assistant_id ??= (await attempt(() => pick().beta.assistants.create({ model: 'demo' })))?.id
        if (assistant_id === undefined) continue
        const content = `slow 100\nsay ${`cancel ${number} `.repeat(20)}`
        const request = { assistant_id, thread: { messages: [{ role: 'user' as const, content }] } }
        const run = await attempt(() => pick().beta.threads.createAndRun(request))
        await sleep(random.below(800))
        const { id, thread_id } = run ?? { id: '', thread_id: '' }
        if (await attempt(() => pick().beta.threads.runs.cancel(id, { thread_id }))) {
          cancelled.push({ id, thread_id })
        }
      }
    },
    async check() {
      const faults: string[] = []
      for (const { id, thread_id } of cancelled) {
        const read = () => insist(() => pick().beta.threads.runs.retrieve(id, { thread_id }))
        let run = await read()
        for (; run.status === 'cancelling'; run = await read()) await sleep(100)
        if (run.status !== 'cancelled') faults.push(`the cancelled run ${id} is ${run.status}`)
        // The thread is free.
        const message = { role: 'user' as const, content: `after the cancel of ${id}` }
        await insist(() => pick().beta.threads.messages.create(thread_id, message))
      }
      return faults
    },
    count: () => cancelled.length,
  }
}

/** Leaves the stream of a run and reads its events at another server, from the first to the last. */
export function follower(pick: Pick, random: Random): Client {
  const followed: { id: string; thread_id: string }[] = []
  let assistant_id: string | undefined
  const read = async ({ id, thread_id }: { id: string; thread_id: string }) => {
    const { baseURL } = pick()
    const headers = { authorization: 'Bearer test-key', 'openai-beta': 'assistants=v2' }
    const response = await fetch(`${baseURL}/threads/${thread_id}/runs/${id}/events`, { headers })
    const text = await response.text()
    return [...text.matchAll(/^event: (.*)$/gm)].map(([, event]) => event)
  }
  return {
    async work(signal) {
      for (let number = 0; !signal.aborted; number += 1) {
        assistant_id ??= (await attempt(() => pick().beta.assistants.create({ model: 'demo' })))?.id
        if (assistant_id === undefined) continue
        const content = `slow 30\nsay ${`follow ${number} `.repeat(20)}`
        const request = { assistant_id, thread: { messages: [{ role: 'user' as const, content }] } }
        await attempt(async () => {
          const stream = await pick().beta.threads.createAndRun({ ...request, stream: true })
          let left = random.below(30)
          for await (const { event, data } of stream) {
            if (event === 'thread.run.created') followed.push({ id: data.id, thread_id: data.thread_id })
            if (left-- === 0) break
          }
          const last = followed.at(-1)
          if (last) await read(last)
          return true
        })
      }
    },
    async check() {
      const faults: string[] = []
      for (const run of followed) {
        const events = await insist(() => read(run))
        if (events.at(-2) !== 'thread.run.completed' || events.at(-1) !== 'done') {
          faults.push(`the events of run ${run.id} end with ${events.slice(-2).join(', ')}`)
        }
      }
      return faults
    },
    count: () => followed.length,
  }
}

/** Answers the calls of a run that waits for its client; someone may have done so already. */
async function submit(pick: Pick, run_id: string, thread_id: string): Promise<void> {
  await attempt(async () => {
    const { runs } = pick().beta.threads
    const { required_action } = await runs.retrieve(run_id, { thread_id })
    const calls = required_action?.submit_tool_outputs.tool_calls ?? []
    const tool_outputs = calls.map(({ id }) => ({ tool_call_id: id, output: 'sunny' }))
    return tool_outputs.length > 0 && runs.submitToolOutputs(run_id, { thread_id, tool_outputs })
  })
}

async function checkRun(pick: Pick, { id, thread_id, expected }: AcknowledgedRun): Promise<string[]> {
  for (;;) {
    const run = await insist(() => pick().beta.threads.runs.retrieve(id, { thread_id }))
    if (run.status === 'requires_action') await submit(pick, id, thread_id)
    else if (run.status === 'completed') break
    else if (['failed', 'expired', 'cancelled', 'incomplete'].includes(run.status)) {
      return [`run ${id} ended as ${run.status}: ${run.last_error?.message ?? ''}`]
    }
    await sleep(50)
  }
  const { data } = await insist(() => pick().beta.threads.messages.list(thread_id, { limit: 100 }))
  const texts = data.map(({ content: [part] }) => (part?.type === 'text' ? part.text.value : ''))
  return expected
    .filter((text) => texts.filter((one) => one === text).length !== 1)
    .map((text) => `run ${id} does not have once: ${text}; it has ${JSON.stringify(texts)}`)
}

/** Brings files into vector stores. */
export function ingester(pick: Pick): Client {
  const added: { store: string; file: string; marker: string }[] = []
  return {
    async work(signal) {
      for (let number = 0; !signal.aborted; number += 1) {
        const marker = `lighthouse${number}`
        const lines = Array.from({ length: 60 }, (_, line) => `Line ${line} of the book ${marker}.`)
        const file = await attempt(async () =>
          pick().files.create({
            purpose: 'assistants',
            file: await toFile(Buffer.from(lines.join('\n')), `${marker}.txt`),
          }),
        )
        const store = file && (await attempt(() => pick().vectorStores.create({ file_ids: [file.id] })))
        if (file && store) added.push({ store: store.id, file: file.id, marker })
        await sleep(300)
      }
    },
    async check() {
      const faults: string[] = []
      for (const { store, file, marker } of added) {
        const key = { vector_store_id: store }
        const read = () => insist(() => pick().vectorStores.files.retrieve(file, key))
        let found = await read()
        for (; found.status === 'in_progress'; found = await read()) await sleep(100)
        if (found.status !== 'completed')
          faults.push(`file ${file} is ${found.status}: ${found.last_error?.message}`)
        const page = await insist(() => pick().vectorStores.search(store, { query: marker }))
        if (!page.data[0]?.content[0]?.text.includes(marker)) faults.push(`${marker} is not found`)
      }
      return faults
    },
    count: () => added.length,
  }
}

const threads = 200
const ofThread = 10

/** Imports messages with `spool import`, which is killed and run again until it ends by itself. */
export function importer(pick: Pick, world: World, random: Random): Client {
  const dump = join(world.environment.SPOOL_DATA_DIR ?? '', 'dump.ndjson')
  const thread = (number: number) => `thread_${String(number).padStart(24, '0')}`
  let isDone = false
  const run = async (killAfterMs?: number) => {
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...world.environment }
    const args = [builtMain, 'import', dump]
    const child = spawn(process.execPath, args, { env, stdio: 'ignore' })
    const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    const [code] = (await once(child, 'exit')) as [number | null]
    clearTimeout(timer)
    return code === 0
  }
  return {
    async work(signal) {
      const lines = Array.from({ length: threads * ofThread }, (_, index) =>
        JSON.stringify(importedMessage(index, thread(Math.floor(index / ofThread)))),
      )
      writeFileSync(dump, lines.join('\n'))
      while (!isDone && !signal.aborted) isDone = await run(1500 + random.below(3000))
    },
    async check() {
      for (let left = 5; !isDone && left > 0; left -= 1) isDone = await run()
      if (!isDone) return ['the import does not end']
      const faults: string[] = []
      for (let number = 0; number < threads; number += 37) {
        const id = thread(number)
        const { data } = await insist(() => pick().beta.threads.messages.list(id, { limit: 100 }))
        if (data.length !== ofThread) faults.push(`${id} has ${data.length} messages`)
      }
      return faults
    },
    count: () => threads * ofThread,
  }
}

function importedMessage(index: number, thread_id: string): object {
  return {
    id: `msg_${String(index).padStart(24, '0')}`,
    object: 'thread.message',
    created_at: 1_700_000_000 + index,
    assistant_id: null,
    thread_id,
    run_id: null,
    role: 'user',
    content: [{ type: 'text', text: { value: `Message ${index}`, annotations: [] } }],
    attachments: [],
    metadata: {},
  }
}
