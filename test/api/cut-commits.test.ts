import { toFile } from 'openai'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { testServer, type TestServer } from '../harness/server.ts'
import { cutConnection, statementsBy } from '../harness/statements.ts'
import { gate } from '../harness/stories.ts'

let server: TestServer
beforeEach(async () => {
  server = await testServer({ config: { roles: new Set(['api']) } })
})
afterEach(async () => {
  vi.restoreAllMocks()
  await server.close()
})

const newFile = async (content = 'It rains.') =>
  server.openai.files.create({ purpose: 'assistants', file: await toFile(Buffer.from(content), 'rain.txt') })
const newStore = (file_ids: string[] = []) => server.openai.vectorStores.create({ file_ids })
const newThread = () => server.openai.beta.threads.create()
const newUpload = () =>
  server.openai.uploads.create({
    bytes: 3,
    filename: 'x.txt',
    mime_type: 'text/plain',
    purpose: 'assistants',
  })
const newPart = async (upload_id: string) =>
  server.openai.uploads.parts.create(upload_id, { data: await toFile(Buffer.from('abc'), 'part') })
const ids = ({ data }: { data: { id: string }[] }) => data.map(({ id }) => id)
const counted = async (table: string) =>
  (await server.db.query<{ id: string }>({ text: `select id from ${table}` })).map(({ id }) => id)

/** Each prepares, and returns the call whose commits are cut and a check of what it left. */
const calls: Record<
  string,
  () => Promise<{ call: () => Promise<any>; check: (answer: any) => Promise<void> }>
> = {
  'the creation of a file': async () => ({
    call: () => newFile(),
    check: async ({ id }) => expect(ids(await server.openai.files.list())).toEqual([id]),
  }),
  'the deletion of a file': async () => {
    const { id } = await newFile()
    return {
      call: () => server.openai.files.delete(id),
      check: async () => expect(ids(await server.openai.files.list())).toEqual([]),
    }
  },
  'the creation of a store': async () => {
    const file = await newFile()
    return {
      call: () => newStore([file.id]),
      check: async ({ id }) => {
        expect(ids(await server.openai.vectorStores.list())).toEqual([id])
        expect(ids(await server.openai.vectorStores.files.list(id))).toEqual([file.id])
      },
    }
  },
  'the deletion of a store': async () => {
    const { id } = await newStore()
    return {
      call: () => server.openai.vectorStores.delete(id),
      check: async () => expect(ids(await server.openai.vectorStores.list())).toEqual([]),
    }
  },
  'the creation of a batch': async () => {
    const [file, store] = [await newFile(), await newStore()]
    return {
      call: () => server.openai.vectorStores.fileBatches.create(store.id, { file_ids: [file.id] }),
      check: async ({ id }) => {
        const found = await server.openai.vectorStores.fileBatches.retrieve(id, { vector_store_id: store.id })
        expect(found.file_counts.total).toBe(1)
        expect(await counted('file_batches')).toEqual([id])
      },
    }
  },
  'the creation of an upload': async () => ({
    call: newUpload,
    check: async ({ id }) => expect(await counted('uploads')).toEqual([id]),
  }),
  'a part of an upload': async () => {
    const upload = await newUpload()
    return {
      call: () => newPart(upload.id),
      check: async ({ id }) => expect(await counted('upload_parts')).toEqual([id]),
    }
  },
  'the completion of an upload': async () => {
    const upload = await newUpload()
    const part = await newPart(upload.id)
    return {
      call: () => server.openai.uploads.complete(upload.id, { part_ids: [part.id] }),
      check: async ({ file }) => expect(ids(await server.openai.files.list())).toEqual([file.id]),
    }
  },
  'the copy of a thread': async () => {
    const thread = await newThread()
    return {
      call: async () => (await server.request('POST', `/threads/${thread.id}/fork`, {})).body,
      check: async ({ id }) => expect(new Set(await counted('threads'))).toEqual(new Set([thread.id, id])),
    }
  },
  'the deletion of a thread': async () => {
    const thread = await newThread()
    return {
      call: () => server.openai.beta.threads.delete(thread.id),
      check: async () => expect(await counted('threads')).toEqual([]),
    }
  },
  'the cancel of a run': async () => {
    const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o', instructions: 'Wait.' })
    const thread = await newThread()
    const run = await server.openai.beta.threads.runs.create(thread.id, { assistant_id: assistant.id })
    return {
      call: () => server.openai.beta.threads.runs.cancel(run.id, { thread_id: thread.id }),
      check: async ({ status }) => {
        expect(status).toBe('cancelling')
        const found = await server.openai.beta.threads.runs.retrieve(run.id, { thread_id: thread.id })
        expect(found.status).toBe('cancelled')
      },
    }
  },
}

/** Cuts the connection of each transaction: one before its commit, the next after it, and so on. */
function cutCommits(): void {
  let commits = 0
  statementsBy(async (statement, execute) => {
    if (statement.text !== 'commit') return execute()
    commits += 1
    if (commits % 2 === 0) await execute()
    throw cutConnection()
  })
}

test.each(Object.entries(calls))(
  '%s is done once when connections are cut at the commit',
  async (_, prepare) => {
    const { call, check } = await prepare()
    cutCommits()
    const answer = await call()
    expect(answer).toBeDefined()
    vi.restoreAllMocks()
    await check(answer)
  },
)

/** Each prepares an object, and returns its path and the change of a single statement. */
const changes: Record<string, () => Promise<{ path: string; change: Record<string, unknown> }>> = {
  'the metadata of a message': async () => {
    const thread = await newThread()
    const message = await server.openai.beta.threads.messages.create(thread.id, {
      role: 'user',
      content: 'Hi',
    })
    return { path: `/threads/${thread.id}/messages/${message.id}`, change: { metadata: { a: 'b' } } }
  },
  'the metadata of a run': async () => {
    const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o', instructions: 'Wait.' })
    const thread = await newThread()
    const run = await server.openai.beta.threads.runs.create(thread.id, { assistant_id: assistant.id })
    return { path: `/threads/${thread.id}/runs/${run.id}`, change: { metadata: { a: 'b' } } }
  },
  'the attributes of a file': async () => {
    const file = await newFile()
    const store = await newStore([file.id])
    return { path: `/vector_stores/${store.id}/files/${file.id}`, change: { attributes: { a: 'b' } } }
  },
}

test.each(Object.entries(changes))(
  'a change of %s is made although the connection is cut before and after the statement',
  async (_, prepare) => {
    const { path, change } = await prepare()
    let tries = 0
    statementsBy(async (statement, execute) => {
      if (!/^update \w+ set (metadata|attributes)/.test(statement.text) || (tries += 1) > 2) return execute()
      if (tries === 2) await execute()
      throw cutConnection()
    })
    const answer = await server.request('POST', path, change)
    vi.restoreAllMocks()
    expect([answer.status, tries]).toEqual([200, 3])
    const found = await server.request('GET', path)
    expect(found.body).toMatchObject(change)
  },
)

test('outputs whose connection is cut at the commit are accepted once', async () => {
  const worker = await server.sibling({ roles: new Set(['worker']) })
  const tools = [{ type: 'function' as const, function: { name: 'get_weather' } }]
  const assistant = await server.openai.beta.assistants.create({ model: 'gpt-4o', tools })
  server.model.script([{ calls: [{ name: 'get_weather', arguments: '{}' }] }])
  const { runs } = server.openai.beta.threads
  const thread = { messages: [{ role: 'user' as const, content: 'Rain?' }] }
  const asked = { assistant_id: assistant.id, thread }
  const run = await server.openai.beta.threads.createAndRunPoll(asked, { pollIntervalMs: 20 })
  expect(run.status).toBe('requires_action')
  await worker.close()
  const [call] = run.required_action?.submit_tool_outputs.tool_calls ?? []
  const outputs = {
    thread_id: run.thread_id,
    tool_outputs: [{ tool_call_id: call?.id ?? '', output: 'yes' }],
  }
  cutCommits()
  const submitted = await runs.submitToolOutputs(run.id, outputs)
  vi.restoreAllMocks()
  expect(submitted.status).toBe('queued')
  await expect(runs.submitToolOutputs(run.id, outputs)).rejects.toThrow(/queued/)
})

/** The connection is cut after the first commit; then the database is asked about the transaction `xid` instead. */
function cutAndAskAbout(xid: string, onAsked: () => void): { commits: () => number } {
  let commits = 0
  statementsBy(async (statement, execute) => {
    if (statement.text.includes('pg_xact_status')) {
      statement.values = [xid]
      return execute().finally(onAsked)
    }
    const result = await execute()
    if (statement.text === 'commit' && (commits += 1) === 1) throw cutConnection()
    return result
  })
  return { commits: () => commits }
}

test('a transaction that its database does not know, because it was lost in a failover, is repeated', async () => {
  const thread = await newThread()
  const cut = cutAndAskAbout('9000000000000000000', () => {})
  const { status } = await server.request('POST', `/threads/${thread.id}`, { metadata: { a: 'b' } })
  expect([status, cut.commits()]).toEqual([200, 2])
})

test('after a failover a lost transaction is not taken for another one that got its number', async () => {
  const thread = await newThread()
  const [committed] = await server.db.query<{ xid: string }>({
    text: 'select pg_current_xact_id()::text as xid',
  })
  let [asked, commits, updates] = [0, 0, 0]
  statementsBy(async (statement, execute) => {
    if (statement.text === 'commit' && (commits += 1) === 1) throw cutConnection()
    // The second try is cut before its own number is known.
    if (statement.text.startsWith('update threads') && (updates += 1) === 2) throw cutConnection()
    if (statement.text.includes('pg_xact_status')) {
      asked += 1
      statement.values = [asked === 1 ? '9000000000000000000' : (committed?.xid ?? '')]
    }
    return execute()
  })
  const { status } = await server.request('POST', `/threads/${thread.id}`, { metadata: { a: 'b' } })
  vi.restoreAllMocks()
  const { metadata } = await server.openai.beta.threads.retrieve(thread.id)
  expect([status, metadata]).toEqual([200, { a: 'b' }])
})

test('the answer to a call waits for a cut transaction that has not ended yet', async () => {
  const thread = await newThread()
  const [began, end] = [gate(), gate()]
  let xid = ''
  const open = server.db.transaction(async (tx) => {
    const rows = await tx.query<{ xid: string }>({ text: 'select pg_current_xact_id()::text as xid' })
    xid = rows[0]?.xid ?? ''
    began.open()
    await end.promise
  })
  await began.promise
  const asked: string[] = []
  const cut = cutAndAskAbout(xid, () => {
    asked.push('status')
    end.open()
  })
  const { status } = await server.request('POST', `/threads/${thread.id}`, { metadata: { a: 'b' } })
  end.open()
  await open
  expect([status, cut.commits(), asked.length > 1]).toEqual([200, 2, true])
})
