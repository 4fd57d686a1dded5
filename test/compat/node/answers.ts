/** What a program sees besides the objects: errors, headers, models. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeAssistant, makeThread, model } from './make.ts'
import type { Chapters } from './story.ts'

export const answers: Chapters = {
  errors: async ({ openai, OpenAI, calls }) => {
    const missing = await caught(openai.beta.assistants.retrieve('asst_000000000000000000000000'))
    assert.ok(missing instanceof OpenAI.NotFoundError)
    assert.match(missing.message, /^404 No assistant found with id 'asst_0{24}'\.$/)
    const unknown = await caught(openai.beta.assistants.create({ model: 'gpt-4o', file_ids: [] } as never))
    assert.ok(unknown instanceof OpenAI.BadRequestError)
    assert.equal(unknown.message, "400 Unknown parameter: 'file_ids'.")
    assert.deepEqual(
      [unknown.param, unknown.code, unknown.type],
      ['file_ids', 'unknown_parameter', 'invalid_request_error'],
    )
    const stranger = new OpenAI({ apiKey: 'sk-wrong' })
    assert.ok((await caught(stranger.beta.threads.create())) instanceof OpenAI.AuthenticationError)
    const noBeta = await caught(openai.beta.threads.create({}, { headers: { 'OpenAI-Beta': null } }))
    assert.ok(noBeta instanceof OpenAI.BadRequestError)
    assert.equal(noBeta.code, 'invalid_beta')

    const assistant_id = await makeAssistant(openai)
    const thread = await makeThread(openai, 'call get_weather {}')
    const run = await openai.beta.threads.runs.createAndPoll(thread, { assistant_id })
    const locked = await caught(
      openai.beta.threads.messages.create(thread, { role: 'user', content: 'Hurry' }),
    )
    assert.ok(locked instanceof OpenAI.BadRequestError)
    assert.equal(locked.message, `400 Can't add messages to ${thread} while a run ${run.id} is active.`)
    const busy = await caught(openai.beta.threads.runs.stream(thread, { assistant_id }).finalRun())
    assert.ok(busy instanceof OpenAI.OpenAIError)
    assert.match(busy.message, new RegExp(`Thread ${thread} already has an active run ${run.id}\\.`))
    await calls.cancelRun(thread, run.id)
    const id = (missing as unknown as Record<string, unknown>)[
      'requestID' in missing ? 'requestID' : 'request_id'
    ]
    assert.match(String(id), /^req_[0-9a-f]{32}$/)
  },

  'raw-responses': async ({ openai }) => {
    const { data, response } = await openai.beta.threads.create().withResponse()
    assert.match(data.id, /^thread_/)
    assert.equal(response.headers.get('openai-version'), '2020-10-01')
    assert.match(response.headers.get('x-request-id') ?? '', /^req_/)
    assert.equal((data as { _request_id?: string })._request_id, response.headers.get('x-request-id'))
    const raw = await openai.beta.threads.retrieve(data.id).asResponse()
    assert.equal(((await raw.json()) as { id: string }).id, data.id)
    const assistant_id = await makeAssistant(openai)
    const thread = await makeThread(openai, 'say hello')
    const stream = await openai.beta.threads.runs.create(thread, { assistant_id, stream: true }).asResponse()
    assert.equal(stream.headers.get('content-type'), 'text/event-stream; charset=utf-8')
    assert.ok((await stream.text()).endsWith('event: done\ndata: [DONE]\n\n'))
  },

  models: async ({ openai }) => {
    const listed: string[] = []
    for await (const { id } of openai.models.list()) listed.push(id)
    assert.ok(listed.length > 0)
    assert.equal((await openai.models.retrieve(listed[0] ?? '')).object, 'model')
  },

  chat: async ({ openai }) => {
    const messages = [{ role: 'user' as const, content: 'slow 20\nsay one two three' }]
    const whole = await openai.chat.completions.create({ model, messages })
    assert.equal(whole.choices[0]?.message.content, 'one two three')
    const stream = await openai.chat.completions.create({ model, messages, stream: true })
    const pieces: string[] = []
    for await (const chunk of stream) pieces.push(chunk.choices[0]?.delta.content ?? '')
    assert.equal(pieces.join(''), 'one two three')
  },

  completeness: async ({ openai }) => {
    const folder = import.meta.dirname
    const source = readdirSync(folder)
      .map((file) => readFileSync(join(folder, file), 'utf8'))
      .join('\n')
    const { assistants, threads } = openai.beta
    const { messages, runs } = threads
    const { files, vectorStores, uploads } = openai
    const ofStores = { vectorStores, storeFiles: vectorStores.files, fileBatches: vectorStores.fileBatches }
    const ofThreads = { assistants, threads, messages, runs, steps: runs.steps }
    const resources = { ...ofThreads, ...ofStores, files, uploads, parts: uploads.parts }
    for (const [name, resource] of Object.entries(resources)) {
      const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(resource))
      for (const method of methods.filter((one) => one !== 'constructor')) {
        const isUsed = source.includes(`.${method}(`) || source.includes(`'${method}'`)
        assert.ok(isUsed, `${name}.${method} is not part of this story`)
      }
    }
  },
}

async function caught(promise: Promise<unknown>): Promise<any> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('the call succeeded')
}
