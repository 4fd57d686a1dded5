/**
 * The scenario with one npm version of the official SDK: `node --import tsx story.ts FOLDER [CHAPTER …]`.
 * Prints a line per chapter: `pass NAME`, `fail NAME: REASON` or `skip NAME: REASON`.
 */
import { answers } from './answers.ts'
import { files } from './files.ts'
import { functions } from './functions.ts'
import { objects } from './objects.ts'
import { runs } from './runs.ts'
import { loadSdk, type Sdk } from './sdk.ts'
import { streams } from './streams.ts'
import { tools } from './tools.ts'
import { vectorStores } from './vector-stores.ts'

export type Chapters = Record<string, (sdk: Sdk) => Promise<void>>

const [folder = '', ...chosen] = process.argv.slice(2)
const sdk = await loadSdk(folder)
const chapters: Chapters = {
  ...objects,
  ...runs,
  ...functions,
  ...streams,
  ...files,
  ...vectorStores,
  ...tools,
  ...answers,
}
for (const [name, tell] of Object.entries(chapters)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue
  try {
    await tell(sdk)
    console.log(`pass ${name}`)
  } catch (error) {
    process.exitCode = 1
    console.log(`fail ${name}: ${String(error).split('\n').join(' | ')}`)
    console.error(error)
  }
}
