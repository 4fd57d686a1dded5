/** `models pull NAME`: fetches the files of a local embedding model. */
import type { Config } from '../config/config.ts'
import { findLocalModel, isPulled, localModels, modelFolder } from '../embedders/local/catalog.ts'
import { pullModel } from '../embedders/local/pull.ts'
import { findRuntime, runtimeMissing } from '../embedders/local/runtime.ts'
import { prepareDataFolder } from '../util/folder.ts'
import { nearest } from '../util/nearest.ts'
import { UsageError } from './command-line.ts'

const mebibyte = 1024 * 1024
/** A line is printed after each step of so many percent. */
const stepPercent = 10

/** `source` replaces the setting. Throws when a file cannot be fetched. */
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
