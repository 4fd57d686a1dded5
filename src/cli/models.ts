/** `models list`, `models test NAME` and `models pull NAME`. */
import { modelSettings } from '../app/open-models.ts'
import type { Config } from '../config/config.ts'
import { openModels, type Models } from '../models/open.ts'
import { describeError } from '../util/describe-error.ts'
import type { Log } from '../util/log.ts'
import { UsageError } from './command-line.ts'
import { pullEmbedder } from './pull-model.ts'

interface Options {
  log: Log
  print: (line: string) => void
  /** For `pull`: the place of the files. */
  source?: string | undefined
}

const testMs = 60_000

export async function models(config: Config, [action, name]: string[], options: Options): Promise<void> {
  if (action === 'pull') return pullEmbedder(config, { name, source: options.source }, options.print)
  if (options.source !== undefined) throw new UsageError(`'models ${action}' has no option --source.`)
  const opened = openModels(await modelSettings(config, options.log), options.log)
  try {
    if (action === 'list') await list(opened, options.print)
    else await test(opened, name ?? 'gpt-4o', options.print)
  } finally {
    await opened.close()
  }
}

async function list(opened: Models, print: (line: string) => void): Promise<void> {
  for (const { id } of await opened.list()) print(`${id.padEnd(40)} ${opened.resolve(id)?.provider ?? '-'}`)
}

/** Requests one word from the model. Throws the error with which a run would fail. */
async function test(opened: Models, name: string, print: (line: string) => void): Promise<void> {
  const found = opened.resolve(name)
  if (!found)
    throw new Error(`No provider serves the model '${name}'. 'models list' shows the names that have one.`)
  try {
    print(await askModel(found))
  } catch (error) {
    throw new Error(`${found.provider}/${found.model} failed: ${describeError(error)}`, { cause: error })
  }
}

/** Sends a small request to the model, and returns one line about its answer. */
export async function askModel({
  chat,
  model,
  provider,
}: NonNullable<ReturnType<Models['resolve']>>): Promise<string> {
  const startMs = performance.now()
  let text = ''
  const messages = [{ role: 'user' as const, content: 'Answer with the word: ready' }]
  for await (const part of chat.stream({ model, messages }, AbortSignal.timeout(testMs))) {
    if (part.type === 'text-delta') text += part.text
  }
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
  return `${provider}/${model} answered in ${seconds} s: ${JSON.stringify(text.trim().slice(0, 60))}`
}
