/**
 * `npm run bench:retrieval -- --folder DIR`: public sets of a folder, by words, by vectors and by both together. With
 * `--models DATA_DIR` the vectors are those of the first model that was pulled there, else of the built-in embedder. nDCG@10,
 * or recall@1 in percent for XQuAD. Even and odd questions are also shown apart: their difference is chance. Exits with 1
 * when both together are worse than the better way alone on a set, by more than chance.
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BuiltInEmbedder } from '../../src/embedders/built-in/built-in-embedder.ts'
import { isPulled, localModels, findRuntime, runtimeMissing } from '../../src/embedders/local/catalog.ts'
import { LocalEmbedder } from '../../src/embedders/local/local-embedder.ts'
import type { Embedder } from '../../src/embedders/port.ts'
import type { Scores } from '../../src/search/rank.ts'
import { fused, scoreTexts, textId, type Embed, type Legs } from './legs.ts'
import { minusBest, showDifference } from './paired.ts'
import { readSets, type RetrievalSet } from './sets.ts'

/** Every fourth of the 1,190 questions that XQuAD has in each language is used. */
const nthQuestion = 4
const cache = join(tmpdir(), 'spool-bench-vectors')

type Query = RetrievalSet['queries'][number]

/** Prints a table; resolves with a sentence for each set where both together are worse than one way alone. */
export async function measurePublicSets(folder: string, models: string | undefined): Promise<string[]> {
  const sets = await readSets(folder, nthQuestion)
  return sets.length === 0 ? [`there are no sets in ${folder}`] : measureSets(sets, models)
}

/** The same for any sets. */
export async function measureSets(sets: RetrievalSet[], models: string | undefined): Promise<string[]> {
  console.log(
    '| set | questions | words | vectors | fused | fused minus the better way alone (95 %) | nearest 10 kept by the index, % |\n|---|---|---|---|---|---|---|',
  )
  const embedder = models === undefined ? new BuiltInEmbedder() : localEmbedder(models)
  const losses: string[] = []
  for (const set of sets) losses.push(...(await measureSet(set, embedder)))
  await embedder.close()
  return losses
}

function localEmbedder(dataDir: string): Embedder {
  const model = localModels.find((one) => isPulled(dataDir, one))
  if (!model) throw new Error(`no model was pulled to ${dataDir}`)
  const runtime = findRuntime(dataDir)
  if (runtime === undefined) throw new Error(runtimeMissing)
  return new LocalEmbedder(model, { dataDir, runtime })
}

async function measureSet(
  { name, measure, texts, queries }: RetrievalSet,
  embedder: Embedder,
): Promise<string[]> {
  const embed = cachedEmbed(embedder)
  const legs = await scoreTexts(
    texts,
    queries.map(({ text }) => text),
    { embedder, embed },
  )
  const isRecall = measure === 'recall@1'
  const methods: ((found: Legs, query: Query) => Scores)[] = [
    ({ words }) => words,
    ({ meaning }) => meaning,
    fused,
  ]
  const losses: string[] = []
  for (const part of ['even', 'odd', 'all'] as const) {
    const own = queries
      .map((query, at) => ({ query, found: legs[at]!, at }))
      .filter(({ at }) => part === 'all' || (at % 2 === 0) === (part === 'even'))
    const measured = methods.map((scoresOf) =>
      own.map(({ query, found }) => (isRecall ? recall1 : ndcg10)(scoresOf(found, query), query.right)),
    )
    const values = measured.map((all) => all.reduce((sum, value) => sum + value, 0) / all.length)
    const [words = [], vectors = [], both = []] = measured
    const difference = minusBest(both, [words, vectors])
    const shown = values.map((value) => (isRecall ? (100 * value).toFixed(1) : value.toFixed(3)))
    const kept = own.reduce((sum, { found }) => sum + found.recall10, 0) / own.length
    console.log(
      `| ${name}, ${part} | ${own.length} | ${shown.join(' | ')} | ${showDifference(difference)} | ${(100 * kept).toFixed(1)} |`,
    )
    if (part === 'all' && difference.high < 0) losses.push(`${name}: fused is worse than one way alone`)
  }
  return losses
}

function best(scores: Scores, count: number): string[] {
  return [...scores]
    .toSorted(([one, a], [other, b]) => b - a || (one < other ? -1 : 1))
    .slice(0, count)
    .map(([id]) => id)
}

function isRight(id: string, right: ReadonlySet<number>): boolean {
  return [...right].some((number) => textId(number) === id)
}

function recall1(scores: Scores, right: ReadonlySet<number>): number {
  return Number(best(scores, 1).some((id) => isRight(id, right)))
}

function ndcg10(scores: Scores, right: ReadonlySet<number>): number {
  const gain = (place: number) => 1 / Math.log2(place + 2)
  const found = best(scores, 10).reduce((sum, id, at) => sum + (isRight(id, right) ? gain(at) : 0), 0)
  const most = Array.from({ length: Math.min(10, right.size) }, (_, at) => gain(at))
  return found / most.reduce((sum, value) => sum + value, 0)
}

/**
 * Keeps the vectors of a list of texts in a file, because an embedder takes minutes for a public set. The file is named after
 * the embedder and the texts, so a change of either makes another file.
 */
function cachedEmbed(embedder: Embedder): Embed {
  return async (texts, purpose) => {
    const key = JSON.stringify([embedder.id, purpose, texts])
    const path = join(cache, createHash('sha256').update(key).digest('hex'))
    const known = await readFile(path).catch(() => undefined)
    if (known) return fromBytes(known, embedder.dimensions)
    const vectors = await embedder.embed(texts, purpose, new AbortController().signal)
    await mkdir(cache, { recursive: true })
    await writeFile(
      path,
      Buffer.concat(vectors.map((vector) => Buffer.from(Float32Array.from(vector).buffer))),
    )
    return vectors
  }
}

function fromBytes(bytes: Buffer, dimensions: number): Float32Array[] {
  const all = new Float32Array(Uint8Array.from(bytes).buffer)
  return Array.from({ length: all.length / dimensions }, (_, row) =>
    all.slice(row * dimensions, (row + 1) * dimensions),
  )
}
