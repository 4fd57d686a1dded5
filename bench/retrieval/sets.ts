/**
 * Reads public retrieval sets from a folder: XQuAD (`xquad.LANG.json`) and sets in the form of CISI (`NAME.ALL`,
 * `NAME.QRY` and `NAME.REL`, which has the numbers of a question and of a text that answers it on each line).
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

export interface RetrievalSet {
  name: string
  /** `recall@1` where one text answers each question: the share of questions that have it first. */
  measure: 'recall@1' | 'nDCG@10'
  texts: string[]
  queries: { text: string; /** Numbers of the texts that answer it. */ right: ReadonlySet<number> }[]
}

/** The sets that the folder has. Every `nth` question of XQuAD is taken; there are 1,190 in each language. */
export async function readSets(folder: string, nth: number): Promise<RetrievalSet[]> {
  const names = (await readdir(folder)).toSorted()
  const sets: RetrievalSet[] = []
  for (const name of names) {
    if (name.endsWith('.ALL')) sets.push(await readAbstracts(folder, name.slice(0, -'.ALL'.length)))
    if (/^xquad\.\w+\.json$/.test(name)) sets.push(await readXquad(folder, name, nth))
  }
  return sets
}

const xquad = z.object({
  data: z.array(
    z.object({
      paragraphs: z.array(
        z.object({ context: z.string(), qas: z.array(z.object({ question: z.string() })) }),
      ),
    }),
  ),
})

/** Each paragraph is a text; a question belongs to its own paragraph. */
async function readXquad(folder: string, name: string, nth: number): Promise<RetrievalSet> {
  const { data } = xquad.parse(JSON.parse(await readFile(join(folder, name), 'utf8')))
  const paragraphs = data.flatMap((article) => article.paragraphs)
  const queries = paragraphs.flatMap(({ qas }, number) =>
    qas.map(({ question }) => ({ text: question, right: new Set([number]) })),
  )
  return {
    name: name.replace('.json', ''),
    measure: 'recall@1',
    texts: paragraphs.map(({ context }) => context),
    queries: queries.filter((_, at) => at % nth === 0),
  }
}

/** Title and abstract are a text. Questions without judgements are left out. */
async function readAbstracts(folder: string, set: string): Promise<RetrievalSet> {
  const read = (part: string) => readFile(join(folder, `${set}.${part}`), 'latin1')
  const texts = records(await read('ALL'))
  const right = new Map<number, Set<number>>()
  for (const line of (await read('REL')).split('\n')) {
    const [query, text] = line.trim().split(/\s+/).map(Number)
    if (!query || !text) continue
    right.set(query, (right.get(query) ?? new Set()).add(text - 1))
  }
  const asked = records(await read('QRY'))
  const queries = asked.flatMap((text, at) => {
    const own = right.get(at + 1)
    return own ? [{ text, right: own }] : []
  })
  return { name: set, measure: 'nDCG@10', texts, queries }
}

/** Title (`.T`) and text (`.W`) of each record, in order. */
function records(file: string): string[] {
  return file
    .split(/^\.I \d+\s*$/m)
    .slice(1)
    .map((record) =>
      record
        .split(/^(?=\.[A-Z]\s*$)/m)
        .filter((field) => /^\.[TW]/.test(field))
        .map((field) => field.slice(2).trim())
        .join('\n'),
    )
}
