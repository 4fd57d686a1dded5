/** `npm run bench:retrieval`: prints the tables of docs/retrieval.md and keeps the numbers in bench/results. */
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { kinds, longCorpus, measureQuality, shortCorpus, type Row } from './quality.ts'
import { measureIngest, measureSearch } from './speed.ts'

const method = { words: 'words', vectors: 'vectors', fused: 'fused 0.5' }

function qualityTable(rows: Row[]): string {
  const lines = [...kinds, 'all'].flatMap((kind) =>
    rows
      .filter((row) => row.kind === kind)
      .map(
        (row) =>
          `| ${kind} | ${row.method} | ${row.recall1.toFixed(0)} | ${row.recall5.toFixed(0)} | ${row.ndcg10.toFixed(3)} |`,
      ),
  )
  return ['| queries | by | recall@1 | recall@5 | nDCG@10 |', '|---|---|---|---|---|', ...lines].join('\n')
}

/** Over all queries, both together must not be worse than either alone. */
function losses(rows: Row[]): string[] {
  const all = rows.filter((row) => row.kind === 'all')
  const fused = all.find((row) => row.method === method.fused)
  if (!fused) return ['there is no fused row']
  return [method.words, method.vectors].flatMap((name) => {
    const other = all.find((row) => row.method === name)
    const isWorse =
      !other || other.recall1 > fused.recall1 || other.recall5 > fused.recall5 || other.ndcg10 > fused.ndcg10
    return isWorse ? [`${fused.corpus}: fused is worse than ${name}`] : []
  })
}

const failures: string[] = []
const results: Record<string, unknown> = {
  node: process.version,
  cpu: cpus()[0]?.model,
  cores: cpus().length,
}
console.log(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}\n`)

for (const corpus of [shortCorpus(1000), longCorpus(100)]) {
  const rows = await measureQuality(corpus)
  console.log(`### ${corpus.name}\n\n${qualityTable(rows)}\n`)
  failures.push(...losses(rows))
  results[corpus.name] = rows
}

const ingest = await measureIngest(200, 60)
const perPage = (ms: number) => `${(ms / ingest.pages).toFixed(1)} ms a page`
console.log(
  `### Ingest, a PDF of ${ingest.pages} pages of 500 words (${ingest.chunks} chunks, ${ingest.windows} windows)\n`,
)
console.log(`| step, one core | |\n|---|---|`)
console.log(`| extract | ${perPage(ingest.extractMs)} |`)
console.log(`| chunk, count tokens, pack words | ${perPage(ingest.chunkMs)} |`)
console.log(`| embed, built in | ${perPage(ingest.embedMs)} |`)
const searchable = ingest.extractMs + ingest.chunkMs
console.log(`| **found by words** | **${((1000 * ingest.pages) / searchable).toFixed(0)} pages a second** |`)
console.log(
  `| **found by meaning too** | **${((1000 * ingest.pages) / (searchable + ingest.embedMs)).toFixed(1)} pages a second** |\n`,
)
results.ingest = ingest

console.log('### Search\n\n| chunks | by | first search, ms | p50, ms | p95, ms |\n|---|---|---|---|---|')
const searches = []
for (const chunks of [1000, 10_000, 100_000]) searches.push(...(await measureSearch(chunks)))
for (const one of searches) {
  console.log(
    `| ${one.chunks} | ${one.what} | ${one.loadMs.toFixed(0)} | ${one.p50Ms.toFixed(2)} | ${one.p95Ms.toFixed(2)} |`,
  )
}
results.searches = searches

await mkdir('bench/results', { recursive: true })
await writeFile('bench/results/retrieval.json', JSON.stringify(results, null, 2))
if (failures.length > 0) {
  console.error(failures.join('\n'))
  process.exitCode = 1
}
