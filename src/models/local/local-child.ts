/** The process in which a local model runs: a crash of native code ends this process only. */
import type { LlamaChat, LlamaLibrary } from './llama-types.ts'
import { answer, type Loaded } from './local-answer.ts'
import type { FromLocalModel, LoadCommand, ToLocalModel } from './local-protocol.ts'
import { sorry } from '../openai/failure.ts'
import { ModelFailure, type ChatRequest } from '../port.ts'
import { FreeList } from '../../util/free-list.ts'

/** The default context size in tokens. */
const usualContext = 8_192

interface Serving extends Loaded {
  /** Each with its own sequence, which keeps its last conversation. */
  chats: FreeList<LlamaChat>
}

serveParent()

function serveParent(): void {
  const stops = new Map<number, AbortController>()
  let serving: Promise<Serving> | undefined
  process.on('message', (message: ToLocalModel) => {
    if (message.type === 'load') {
      serving = load(message)
      serving.catch((error: unknown) => report({ type: 'unusable', message: messageOf(error) }))
      return
    }
    if (message.type === 'stop') {
      stops.get(message.id)?.abort(new Error('stopped'))
      return
    }
    if (serving === undefined) return
    const stop = new AbortController()
    stops.set(message.id, stop)
    void serve(serving, message, stop.signal).then(() => stops.delete(message.id))
  })
  // Ctrl-C goes to the whole process group. The server ends this process by closing the IPC channel.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => {})
  process.on('disconnect', () => process.exit(0))
}

function report(message: FromLocalModel): void {
  if (process.connected) process.send?.(message)
}

async function load(command: LoadCommand): Promise<Serving> {
  const library = (await import(command.library)) as LlamaLibrary
  const llama = await library.getLlama({
    gpu: command.gpu,
    // Never compiles or downloads a missing binary: an error names it.
    build: 'never',
    skipDownload: true,
    logLevel: 'error',
  })
  const model = await llama.loadModel({ modelPath: command.path })
  const context = await model.createContext({
    sequences: command.sequences,
    contextSize: command.context_size ?? { max: usualContext },
    threads: command.threads,
  })
  const chats = new FreeList<LlamaChat>()
  for (let count = 0; count < command.sequences; count += 1) {
    chats.give(new library.LlamaChat({ contextSequence: context.getSequence() }))
  }
  report({ type: 'ready', context_size: context.contextSize })
  return { llama, model, chats }
}

/** Never rejects: a failure is sent to the parent. */
async function serve(
  loading: Promise<Serving>,
  { id, request }: { id: number; request: ChatRequest },
  signal: AbortSignal,
): Promise<void> {
  let sent = 0
  try {
    const serving = await loading
    const chat = await serving.chats.take(signal)
    try {
      const end = await answer(serving, chat, request, {
        signal,
        onParts: (parts) => {
          sent += parts.length
          report({ type: 'parts', id, parts })
        },
      })
      report({ type: 'end', id, ...end })
    } finally {
      serving.chats.give(chat)
    }
  } catch (error) {
    report(signal.aborted ? { type: 'closed', id, parts: sent } : failure(id, error))
  }
}

function failure(id: number, error: unknown): FromLocalModel {
  const isOurs = error instanceof ModelFailure
  const { code, message } = isOurs ? error : new ModelFailure('server_error', sorry)
  return { type: 'failure', id, code, message, cause: messageOf(isOurs ? error.cause : error) }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
