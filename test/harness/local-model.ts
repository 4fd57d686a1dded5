/**
 * A small local model: a tokenizer that knows letters, and a scripted runtime in the place of onnxruntime-node. The state
 * of a token is a row of numbers made of its id, so texts with the same letters have similar vectors.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { LocalModel, ModelFile } from '../../src/embedders/local/catalog.ts'

const words = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  'money',
  'refund',
  'snow',
  'mountains',
  'back',
  'customers',
]
const letters = 'abcdefghijklmnopqrstuvwxyz0123456789.,?'.split('')
const vocabulary = [...words, ...letters, ...letters.map((letter) => `##${letter}`)]

const tokenizer = JSON.stringify({
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: words.slice(0, 4).map((content, id) => ({ id, content, special: true, normalized: false })),
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: {
    type: 'TemplateProcessing',
    single: [
      { SpecialToken: { id: '[CLS]', type_id: 0 } },
      { Sequence: { id: 'A', type_id: 0 } },
      { SpecialToken: { id: '[SEP]', type_id: 0 } },
    ],
    pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 0 } }],
    special_tokens: {
      '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
      '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
    },
  },
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(vocabulary.map((piece, id) => [piece, id])),
  },
})

/** Dimensions, and the text that ends the process. */
const dimensions = 20
export const deadlyText = 'money snow money snow'

const runtime = `
const topic = { 4: 1, 5: 1, 8: 1, 9: 1, 6: 2, 7: 2 }
exports.Tensor = class { constructor(type, data, shape) { Object.assign(this, { type, data, shape }) } }
exports.InferenceSession = { async create(path) {
  if (!require('node:fs').existsSync(path)) throw new Error('no model')
  return { inputNames: ['input_ids', 'attention_mask'], outputNames: ['last_hidden_state'], async run(inputs) {
    const ids = [...inputs.input_ids.data].map(Number)
    if (ids.join(' ') === '2 4 6 4 6 3') process.exit(9)
    const states = new Float32Array(ids.length * ${dimensions})
    ids.forEach((id, at) => {
      states[at * ${dimensions} + (topic[id] ?? 3 + (id % 17))] = topic[id] ? 20 : 1
    })
    return { last_hidden_state: { data: states } }
  } }
} }
`

const contents: Record<ModelFile['name'], Buffer> = {
  'model.onnx': Buffer.alloc(300_000, 'weights '),
  'tokenizer.json': Buffer.from(tokenizer),
}

export function contentOf(name: ModelFile['name']): Buffer {
  return contents[name]
}

export const weightsOf = (url: string): ModelFile['name'] =>
  url.endsWith('.onnx') ? 'model.onnx' : 'tokenizer.json'

/** As a hub of models does: redirects, and continues where it is asked to. */
export function serveWeights(request: IncomingMessage, response: ServerResponse): void {
  const url = request.url ?? ''
  if (!url.includes('cdn')) {
    response.writeHead(302, { location: `/cdn/${url.slice(1)}` }).end()
    return
  }
  const content = contentOf(weightsOf(url))
  const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
  response.writeHead(from > 0 ? 206 : 200, { 'content-length': content.length - from })
  response.end(content.subarray(from))
}

/** As the catalog describes models; its files come from `source`. */
export function smallModel(source: string): LocalModel {
  const file = (name: ModelFile['name'], path: string): ModelFile => ({
    name,
    path,
    bytes: contents[name].length,
    sha256: createHash('sha256').update(contents[name]).digest('hex'),
  })
  return {
    name: 'small',
    summary: 'for tests',
    source,
    files: [file('model.onnx', 'onnx/model_quantized.onnx'), file('tokenizer.json', 'tokenizer.json')],
    dimensions,
    windowTokens: 50,
    maxTokens: 64,
    prefixes: { query: '', passage: '' },
  }
}

/** Writes the files of the model where `models pull` puts them. */
export function installModel(dataDir: string, { name }: Pick<LocalModel, 'name'>): void {
  const folder = join(dataDir, 'models', name)
  mkdirSync(folder, { recursive: true })
  for (const [file, content] of Object.entries(contents)) writeFileSync(join(folder, file), content)
}

/** Puts the scripted runtime into the data folder; returns its entry. */
export function installRuntime(dataDir: string): string {
  const folder = join(dataDir, 'node_modules', 'onnxruntime-node')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"name":"onnxruntime-node","main":"index.js"}')
  writeFileSync(join(folder, 'index.js'), runtime)
  return join(folder, 'index.js')
}
