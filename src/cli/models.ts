/** `models list`, `models test NAME` and `models pull NAME`. */
import { modelSettings } from '../app/open-models.ts'
import type { Config } from '../config/config.ts'
import {
  findLocalModel,
  isPulled,
  localModels,
  modelFolder,
  findRuntime,
  runtimeMissing,
} from '../embedders/local/catalog.ts'
import { pullModel } from '../embedders/local/pull.ts'
import { openModels, type Models } from '../models/open.ts'
import { describeError } from '../util/describe-error.ts'
import { prepareDataFolder } from '../util/folder.ts'
import type { Log } from '../util/log.ts'
import { nearest } from '../util/nearest.ts'
import { UsageError } from './command-line.ts'

interface Options {
  log: Log
  print: (line: string) => void
  /** For `pull`: the place of the files. */
  source?: string | undefined
}

const testMs = 60_000
const mebibyte = 1024 * 1024
/** A line is printed after each step of so many percent. */
const stepPercent = 10

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

/** Fetches the files of a local embedding model. `source` replaces the setting. Throws when a file cannot be fetched. */
export async function pullEmbedder(
  { dataDir, modelSource }: Config,
  { name, source = modelSource }: { name: string | undefined; source?: string | undefined },
  print: (line: string) => void,
): Promise<void> {
  const model = findLocalModel(name ?? '')
  if (!model) throw new UsageError(unknownName(name))
  if (isPulled(dataDir, model)) print(`${model.name} is already in ${modelFolder(dataDir, model)}.`)
  else {
    await prepareDataFolder(dataDir)
    let printed = ''
    const onProgress = ({ name: file, bytes: all }: { name: string; bytes: number }, bytes: number) => {
      const percent = Math.floor((100 * bytes) / all / stepPercent) * stepPercent
      const line = `${file}: ${percent} % of ${(all / mebibyte).toFixed(1)} MiB`
      if (line !== printed) print(line)
      printed = line
    }
    await pullModel(model, { dataDir, source, onProgress })
    print(`${model.name} is in ${modelFolder(dataDir, model)}.`)
  }
  if (findRuntime(dataDir) === undefined) print(`Not ready yet: ${runtimeMissing}`)
  else
    print(
      'A server without a provider of embeddings uses it from its next start. Vector stores that exist keep their ' +
        `embedder until you set SPOOL_DEFAULT_EMBEDDER=${model.name} and run: spool reindex`,
    )
}

function unknownName(name: string | undefined): string {
  const names = localModels.map((model) => model.name)
  const near = name === undefined ? undefined : nearest(name, names)
  const hint = near === undefined ? '' : ` Did you mean ${near}?`
  const known = localModels.map((model) => `${model.name} (${model.summary})`).join(', ')
  const problem = name === undefined ? 'models pull needs a NAME.' : `There is no model '${name}' to pull.`
  return `${problem}${hint} Known: ${known}.`
}
