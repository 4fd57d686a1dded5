/** The embedding models that `models pull` knows, and what they need on this machine: their files, and onnxruntime-node. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

export interface ModelFile {
  name: 'model.onnx' | 'tokenizer.json'
  /** Its path below the source. */
  path: string
  bytes: number
  sha256: string
}

/** A model whose vector of a text is the mean of its tokens' last states. */
export interface LocalModel {
  name: string
  summary: string
  /** The address of the folder that the files come from, with a slash at its end. */
  source: string
  files: readonly ModelFile[]
  dimensions: number
  /** The length of the windows that searches were measured to be best with, as the ingest estimates tokens. */
  windowTokens: number
  /** The model reads no more. */
  maxTokens: number
  /** What the model expects in front of a text. */
  prefixes: Record<'query' | 'passage', string>
}

/** The first one is what a server fetches by itself. */
export const localModels: readonly LocalModel[] = [
  {
    name: 'all-minilm-l6-v2',
    summary: 'English, 24 MB',
    source:
      'https://huggingface.co/Xenova/all-MiniLM-L6-v2/resolve/751bff37182d3f1213fa05d7196b954e230abad9/',
    files: [
      {
        name: 'model.onnx',
        path: 'onnx/model_quantized.onnx',
        bytes: 22_972_370,
        sha256: 'afdb6f1a0e45b715d0bb9b11772f032c399babd23bfc31fed1c170afc848bdb1',
      },
      {
        name: 'tokenizer.json',
        path: 'tokenizer.json',
        bytes: 711_661,
        sha256: 'da0e79933b9ed51798a3ae27893d3c5fa4a201126cef75586296df9b4d2c62a0',
      },
    ],
    dimensions: 384,
    windowTokens: 150,
    maxTokens: 256,
    prefixes: { query: '', passage: '' },
  },
  {
    name: 'multilingual-e5-small',
    summary: '100 languages, 135 MB',
    source:
      'https://huggingface.co/Xenova/multilingual-e5-small/resolve/761b726dd34fb83930e26aab4e9ac3899aa1fa78/',
    files: [
      {
        name: 'model.onnx',
        path: 'onnx/model_quantized.onnx',
        bytes: 118_308_185,
        sha256: 'f80102d3f2a1229f387d3c81909990d8945513e347b0eab049f7de3c6f98c193',
      },
      {
        name: 'tokenizer.json',
        path: 'tokenizer.json',
        bytes: 17_082_730,
        sha256: '0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39',
      },
    ],
    dimensions: 384,
    windowTokens: 150,
    maxTokens: 512,
    prefixes: { query: 'query: ', passage: 'passage: ' },
  },
]

export function findLocalModel(name: string): LocalModel | undefined {
  return localModels.find((model) => model.name === name)
}

/** The folder of a model's files. */
export function modelFolder(dataDir: string, { name }: LocalModel): string {
  return join(dataDir, 'models', name)
}

/** Whether all files are here. A file gets its name only after it was checked. */
export function isPulled(dataDir: string, model: LocalModel): boolean {
  return model.files.every(({ name }) => existsSync(join(modelFolder(dataDir, model), name)))
}

/** The version of onnxruntime-node that this driver was tested with. */
const testedVersion = '1.30.0'

export const runtimeMissing =
  `a local embedder needs the package onnxruntime-node, which is not installed: ` +
  `npm install --ignore-scripts onnxruntime-node@${testedVersion} (with --prefix FOLDER for the data folder)`

/** The path of the entry of onnxruntime-node; undefined when it is installed neither beside Spool nor in the data folder. */
export function findRuntime(dataDir: string): string | undefined {
  for (const from of [import.meta.filename, join(dataDir, 'models')]) {
    try {
      return createRequire(from).resolve('onnxruntime-node')
    } catch {
      // The next place.
    }
  }
  return undefined
}
