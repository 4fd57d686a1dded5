/** One npm version of the official SDK, and the calls whose form changed between its majors. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type OpenAI from 'openai'
import type { AssistantStream } from 'openai/lib/AssistantStream'

type Message = OpenAI.Beta.Threads.Message
type Run = OpenAI.Beta.Threads.Run
type RunStep = OpenAI.Beta.Threads.Runs.RunStep
type StoreFile = OpenAI.VectorStores.VectorStoreFile
type Batch = OpenAI.VectorStores.VectorStoreFileBatch
type Outputs = { tool_outputs: { tool_call_id: string; output: string }[] }
type Event = OpenAI.Beta.AssistantStreamEvent
type StepsQuery = Omit<OpenAI.Beta.Threads.Runs.StepListParams, 'thread_id'>
type Steps = Promise<{ data: RunStep[] }> & AsyncIterable<RunStep>

/** Ids of threads and stores come first here, as in version 4; later versions take them as `thread_id` and so on. */
interface Calls {
  deleteAssistant(id: string): Promise<OpenAI.Beta.AssistantDeleted>
  deleteThread(id: string): Promise<OpenAI.Beta.ThreadDeleted>
  retrieveMessage(thread: string, id: string): Promise<Message>
  updateMessage(thread: string, id: string, body: { metadata: Record<string, string> }): Promise<Message>
  deleteMessage(thread: string, id: string): Promise<{ deleted: boolean }>
  retrieveRun(thread: string, id: string): Promise<Run>
  updateRun(thread: string, id: string, body: { metadata: Record<string, string> }): Promise<Run>
  cancelRun(thread: string, id: string): Promise<Run>
  pollRun(thread: string, id: string): Promise<Run>
  submit(thread: string, id: string, body: Outputs): Promise<Run>
  submitStreaming(thread: string, id: string, body: Outputs & { stream: true }): Promise<AsyncIterable<Event>>
  submitAndPoll(thread: string, id: string, body: Outputs): Promise<Run>
  submitStream(thread: string, id: string, body: Outputs): AssistantStream
  listSteps(thread: string, run: string, query: StepsQuery): Steps
  retrieveStep(thread: string, run: string, id: string): Promise<RunStep>
  deleteFile(id: string): Promise<{ deleted: boolean }>
  deleteStore(id: string): Promise<{ deleted: boolean }>
  retrieveStoreFile(store: string, id: string): Promise<StoreFile>
  updateStoreFile(
    store: string,
    id: string,
    body: { attributes: Record<string, string | number> },
  ): Promise<StoreFile>
  deleteStoreFile(store: string, id: string): Promise<{ deleted: boolean }>
  storeFileContent(store: string, id: string): Promise<{ data: { text?: string }[] }>
  retrieveBatch(store: string, id: string): Promise<Batch>
  cancelBatch(store: string, id: string): Promise<Batch>
  listBatchFiles(store: string, id: string): AsyncIterable<StoreFile>
}

export interface Sdk {
  OpenAI: typeof OpenAI
  AssistantStream: typeof AssistantStream
  /** Knows the server from its environment alone. */
  openai: OpenAI
  calls: Calls
  version: string
}

/** `folder` is the installed package. */
export async function loadSdk(folder: string): Promise<Sdk> {
  const load = (path: string) => import(pathToFileURL(join(folder, path)).href)
  const { default: Client } = (await load('index.mjs')) as { default: typeof OpenAI }
  const { AssistantStream: Stream } = await load('lib/AssistantStream.mjs')
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  const openai = new Client()
  return { OpenAI: Client, AssistantStream: Stream, openai, calls: callsOf(openai, version), version }
}

function callsOf(openai: OpenAI, version: string): Calls {
  const isOld = version.startsWith('4.')
  const { assistants, threads }: any = openai.beta
  const { messages, runs } = threads
  const { files, vectorStores }: any = openai
  const remove = isOld ? 'del' : 'delete'
  const callIn =
    (parent: string) => (resource: any, verb: string) => (first: string, id: string, body?: object) => {
      if (!isOld) return resource[verb](id, { [parent]: first, ...body })
      return body === undefined ? resource[verb](first, id) : resource[verb](first, id, body)
    }
  const call = callIn('thread_id')
  const inStore = callIn('vector_store_id')
  return {
    deleteAssistant: (id) => assistants[remove](id),
    deleteThread: (id) => threads[remove](id),
    retrieveMessage: call(messages, 'retrieve'),
    updateMessage: call(messages, 'update'),
    deleteMessage: call(messages, remove),
    retrieveRun: call(runs, 'retrieve'),
    updateRun: call(runs, 'update'),
    cancelRun: call(runs, 'cancel'),
    pollRun: call(runs, 'poll'),
    submit: call(runs, 'submitToolOutputs'),
    submitStreaming: call(runs, 'submitToolOutputs'),
    submitAndPoll: call(runs, 'submitToolOutputsAndPoll'),
    submitStream: call(runs, 'submitToolOutputsStream'),
    listSteps: call(runs.steps, 'list'),
    retrieveStep: (thread, run, id) =>
      isOld
        ? runs.steps.retrieve(thread, run, id)
        : runs.steps.retrieve(id, { thread_id: thread, run_id: run }),
    deleteFile: (id) => files[remove](id),
    deleteStore: (id) => vectorStores[remove](id),
    retrieveStoreFile: inStore(vectorStores.files, 'retrieve'),
    updateStoreFile: inStore(vectorStores.files, 'update'),
    deleteStoreFile: inStore(vectorStores.files, remove),
    storeFileContent: inStore(vectorStores.files, 'content'),
    retrieveBatch: inStore(vectorStores.fileBatches, 'retrieve'),
    cancelBatch: inStore(vectorStores.fileBatches, 'cancel'),
    listBatchFiles: inStore(vectorStores.fileBatches, 'listFiles'),
  }
}
