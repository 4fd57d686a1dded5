/**
 * `npm run bench:retrieval`, or with `-- quality` or `-- speed`: prints the tables of docs/retrieval.md and writes the numbers
 * to bench/results. With `-- --folder DIR`: measures the public sets of a folder instead; `--models DATA_DIR` uses a local
 * model instead of the built-in embedder for these sets and for those made by script. With `-- ingest [COUNT]`: ingests files
 * in a whole server. With `-- large CHUNKS MEGABYTES...`: searches a large store.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { measureLargeStore } from './large-store.ts'
import { kinds, longCorpus, measureQuality, shortCorpus, type Row } from './quality.ts'
import { measureServerIngest } from './server-ingest.ts'
import { setsByScript } from './own-sets.ts'
import { showDifference } from './paired.ts'
import { measurePublicSets, measureSets } from './public-sets.ts'
import { measureIngest, measureSearch } from './speed.ts'

const method = { words: 'words', vectors: 'vectors', fused: 'fused' }

function qualityTable(rows: Row[]): string {
  const lines = [...kinds, 'all'].flatMap((kind) =>
    rows
      .filter((row) => row.kind === kind)
      .map(
        (row) =>
          `| ${kind} | ${row.method} | ${row.recall1.toFixed(0)} | ${row.recall5.toFixed(0)} | ${row.ndcg10.toFixed(3)} | ${row.difference ? showDifference(row.difference) : ''} |`,
      ),
  )
  return [
    '| queries | by | recall@1 | recall@5 | nDCG@10 | minus the better way alone (95 %) |',
    '|---|---|---|---|---|---|',
    ...lines,
  ].join('\n')
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

const { values, positionals } = parseArgs({
  options: { folder: { type: 'string' }, models: { type: 'string' } },
  allowPositionals: true,
})
if (values.folder !== undefined) failures.push(...(await measurePublicSets(values.folder, values.models)))
else if (positionals[0] === 'large') {
  const [chunks = 100_000, ...budgets] = positionals.slice(1).map(Number)
  await measureLargeStore(chunks, budgets.length > 0 ? budgets : [512])
} else if (positionals[0] === 'ingest') await measureServerIngest(Number(positionals[1] ?? 10_000))
else await ownSets(positionals[0])
if (failures.length > 0) {
  console.error(failures.join('\n'))
  process.exitCode = 1
}

async function ownSets(part: string | undefined): Promise<void> {
  if (part !== 'speed') await quality()
  if (part !== 'quality') {
    await ingest()
    await search()
  }
  await mkdir('bench/results', { recursive: true })
  await writeFile('bench/results/retrieval.json', JSON.stringify(results, null, 2))
}

async function quality(): Promise<void> {
  for (const corpus of [shortCorpus(1000), longCorpus(100)]) {
    const rows = await measureQuality(corpus)
    console.log(`### ${corpus.name}\n\n${qualityTable(rows)}\n`)
    failures.push(...losses(rows))
    results[corpus.name] = rows
  }
  console.log('### code, tables and long documents, recall@1\n')
  failures.push(...(await measureSets(setsByScript(), values.models)))
}

async function ingest(): Promise<void> {
  const speed = await measureIngest(200, 60)
  const { pages, chunks, windows, extractMs, chunkMs, embedMs } = speed
  const perPage = (ms: number) => `${(ms / pages).toFixed(1)} ms a page`
  const perSecond = (ms: number) => `${((1000 * pages) / ms).toFixed(1)} pages a second`
  console.log(
    [
      `### Ingest, a PDF of ${pages} pages of 500 words (${chunks} chunks, ${windows} windows)\n`,
      '| step, one core | |',
      '|---|---|',
      `| extract | ${perPage(extractMs)} |`,
      `| chunk, count tokens, pack words | ${perPage(chunkMs)} |`,
      `| embed, built in (processor time) | ${perPage(embedMs)} |`,
      `| **found by words** | **${perSecond(extractMs + chunkMs)}** |`,
      `| **found by meaning too** | **${perSecond(extractMs + chunkMs + embedMs)}** |\n`,
    ].join('\n'),
  )
  results.ingest = speed
}

async function search(): Promise<void> {
  console.log(
    '### Search\n\n| chunks | by | first search, ms | processor, ms | best, ms | p50, ms | p95, ms |',
  )
  console.log('|---|---|---|---|---|---|---|')
  const all = []
  for (const chunks of [1000, 10_000, 100_000]) {
    for (const one of await measureSearch(chunks)) {
      const times = [one.cpuMs, one.minMs, one.p50Ms, one.p95Ms].map((ms) => ms.toFixed(2)).join(' | ')
      console.log(`| ${one.chunks} | ${one.what} | ${one.loadMs.toFixed(0)} | ${times} |`)
      all.push(one)
    }
  }
  results.searches = all
}
