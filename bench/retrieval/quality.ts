/** How well words, vectors and both together find the one right passage. */
import { BuiltInEmbedder } from '../../src/embedders/built-in/built-in-embedder.ts'
import type { Scores } from '../../src/search/rank.ts'
import { Languages, termsOf } from '../../src/documents/index.ts'
import { distractors, seededRandom } from './distractors.ts'
import { fused, scoreTexts, textId, type Legs } from './legs.ts'
import { minusBest, type Difference } from './paired.ts'
import { passages } from './passages.ts'

export interface Corpus {
  name: string
  texts: string[]
  /** Number of the text that holds each passage. */
  homes: number[]
}

/** Every passage is a separate chunk among the distractors. */
export function shortCorpus(count: number): Corpus {
  return {
    name: `passages of 45 words, ${count} distractors`,
    texts: [...passages.map(({ text }) => text), ...distractors(count)],
    homes: passages.map((_, index) => index),
  }
}

/** Every passage is in the middle of a chunk with about 500 words about other subjects. */
export function longCorpus(count: number): Corpus {
  const random = seededRandom(3)
  const filler = distractors((passages.length + count) * 7, 11)
  const take = () => filler.splice(0, 7)
  const homes = passages.map((_, index) => index)
  const texts = passages.map(({ text }) => {
    const parts = take()
    parts.splice(1 + Math.floor(random() * 5), 0, text)
    return parts.join('\n\n')
  })
  for (let at = 0; at < count; at += 1) texts.push(take().join('\n\n'))
  return { name: `passages inside chunks of 500 words, ${count} distractors`, texts, homes }
}

export const kinds = ['paraphrase', 'question', 'key words', 'fragment'] as const
export type Kind = (typeof kinds)[number]

/** Paraphrases and questions are written; key words and fragments are made by script and favour words by construction. */
export async function queries(kind: Kind): Promise<string[]> {
  if (kind === 'paraphrase' || kind === 'question') return passages.map((passage) => passage[kind])
  const random = seededRandom(5)
  const english = await new Languages().load('en')
  const counts = new Map<string, number>()
  for (const { text } of passages)
    for (const term of new Set(termsOf(text, english))) counts.set(term, (counts.get(term) ?? 0) + 1)
  return passages.map(({ text }) => {
    const words = text.split(/\s+/)
    if (kind === 'fragment') {
      const at = Math.floor(random() * (words.length - 9))
      return words.slice(at, at + 9).join(' ')
    }
    const rare = words
      .map((word) => word.replace(/[^\p{L}\p{N}-]/gu, ''))
      .filter((word) => word.length > 4 && termsOf(word, english).every((term) => counts.get(term) === 1))
    return [0, 1, 2].map(() => rare.splice(Math.floor(random() * rare.length), 1)[0] ?? '').join(' ')
  })
}

export interface Quality {
  recall1: number
  recall5: number
  ndcg10: number
}

/** nDCG@10 where one text is right. */
function gainOf(rank: number): number {
  return rank <= 10 ? 1 / Math.log2(rank + 1) : 0
}

function measure(ranks: number[]): Quality {
  const share = (count: number) => (100 * ranks.filter((rank) => rank <= count).length) / ranks.length
  const gain = ranks.reduce((sum, rank) => sum + gainOf(rank), 0)
  return { recall1: share(1), recall5: share(5), ndcg10: gain / ranks.length }
}

function rankOf(scores: ReadonlyMap<string, number>, id: string): number {
  const own = scores.get(id)
  if (own === undefined) return Infinity
  return 1 + [...scores.values()].filter((score) => score > own).length
}

const never = new AbortController().signal

export type Row = {
  corpus: string
  kind: Kind | 'all'
  method: string
  /** The difference in nDCG@10 between the fused score and the better way alone. */
  difference?: Difference
} & Quality

/** The scores of all texts for one query. */
interface Found extends Legs {
  kind: Kind
  home: string
}

/** One row for each kind of query and method. */
export async function measureQuality(corpus: Corpus): Promise<Row[]> {
  const embedder = new BuiltInEmbedder()
  const found = await searchAll(corpus, embedder)
  await embedder.close()
  const methods: [string, (one: Found) => Scores][] = [
    ['words', ({ words }) => words],
    ['vectors', ({ meaning }) => meaning],
    ['fused', fused],
  ]
  return [...kinds, 'all' as const].flatMap((kind) => {
    const own = found.filter((one) => kind === 'all' || one.kind === kind)
    const ranks = methods.map(([, scoresOf]) => own.map((one) => rankOf(scoresOf(one), one.home)))
    const [words = [], vectors = [], both = []] = ranks.map((all) => all.map(gainOf))
    return methods.map(([method], at) => ({
      corpus: corpus.name,
      kind,
      method,
      ...measure(ranks[at] ?? []),
      ...(method === 'fused' && { difference: minusBest(both, [words, vectors]) }),
    }))
  })
}

/** Scores all texts for each query, by vectors and by words. */
async function searchAll(corpus: Corpus, embedder: BuiltInEmbedder): Promise<Found[]> {
  const asked: { kind: Kind; query: string; home: string }[] = []
  for (const kind of kinds) {
    const texts = await queries(kind)
    asked.push(...texts.map((query, at) => ({ kind, query, home: textId(corpus.homes[at] ?? 0) })))
  }
  const legs = await scoreTexts(
    corpus.texts,
    asked.map(({ query }) => query),
    { embedder, embed: (texts, purpose) => embedder.embed(texts, purpose, never) },
  )
  return legs.map((found, at) => ({ ...asked[at]!, ...found }))
}
