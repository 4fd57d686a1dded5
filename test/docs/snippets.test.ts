/**
 * Runs the snippets of README and docs as they are written; only the address is replaced. Python needs the package
 * `openai`: `npm run test:snippets` installs it and names the interpreter in TEST_PYTHON. Lines for the shell that
 * install, start or stop something are checked by their words; `test:package` and `test:deploy` run them. Programs in Go,
 * Java, Kotlin, Rust, PHP and Ruby were run by hand, with the packages that test:compat installs; it runs the same clients.
 * PHP and Ruby were run with the source of their packages, which no registry gave.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readCommandLine } from '../../src/cli/command-line.ts'
import { runMain } from '../cli/run-main.ts'
import { testServer, type TestServer } from '../harness/server.ts'

const root = resolve(import.meta.dirname, '../..')
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`),
]

interface Snippet {
  page: string
  line: number
  language: string
  text: string
}

const snippets = pages.filter((page) => page.endsWith('.md')).flatMap(snippetsOf)
const python = process.env['TEST_PYTHON']
const packageFile = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }

let server: TestServer
let folder: string
beforeAll(async () => {
  server = await testServer({ models: { providers: { demo: { type: 'demo' } }, models: { '*': 'demo' } } })
  folder = mkdtempSync(join(tmpdir(), 'spool-snippets-'))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

test('README has a snippet for each way to call', () => {
  const languages = snippets.filter(({ page }) => page === 'README.md').map(({ language }) => language)
  expect(languages).toEqual(expect.arrayContaining(['sh', 'js', 'python']))
})

describe.each(snippets.filter(isRunnable))(
  '$page line $line, $language',
  ({ page, line, language, text }) => {
    test.skipIf(language === 'python' && python === undefined)('runs as written', async () => {
      const file = join(folder, `snippet.${{ sh: 'sh', js: 'mjs', python: 'py' }[language]}`)
      writeFileSync(file, text.replaceAll('http://127.0.0.1:8080', server.url.replace(/\/v1$/, '')))
      const program = { sh: 'bash', js: process.execPath, python: python ?? '' }[language] ?? ''
      const { code, output } = await run(program, file)
      expect(code, `${page}:${line} printed ${output}`).toBe(0)
      if (page === 'README.md') expect(output).toMatch(/demo model|Visitors may climb the tower/)
      if (text.includes('handbook')) {
        expect(output).toContain('Visitors may climb the tower on Saturdays; the fee is two crowns')
        expect(output).toMatch(/【\d+:\d+†handbook\.md】/)
      }
    })
  },
)

describe.each(snippets.filter(({ language }) => language === 'sh'))(
  '$page line $line, sh',
  ({ page, text }) => {
    test('is a script, and names commands and scripts that exist', () => {
      expect(spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' })).toMatchObject({
        status: 0,
        stderr: '',
      })
      for (const args of commandsOf(text))
        expect(() => readCommandLine(args), `${page}: ${args.join(' ')}`).not.toThrow()
      const scripts = [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name)
      expect(Object.keys(packageFile.scripts)).toEqual(expect.arrayContaining(scripts))
    })
  },
)

test('the commands of docs/backup.md write an archive and restore it', async () => {
  const work = mkdtempSync(join(tmpdir(), 'spool-snippets-'))
  const environment = { SPOOL_DATA_DIR: join(work, 'data') }
  writeFileSync(join(work, 'rows.ndjson'), '{"thread_id": "a", "role": "user", "text": "Hello"}\n')
  expect((await runMain(['import', join(work, 'rows.ndjson')], environment)).code).toBe(0)
  const commands = snippets
    .filter(({ page }) => page === 'docs/backup.md')
    .flatMap(({ text }) => commandsOf(text))
  expect(commands.map(([command]) => command)).toEqual(['backup', 'restore'])
  for (const args of commands) {
    const inFolder = args.map((arg) => (/^\.\/|\.gz$/.test(arg) ? join(work, arg) : arg))
    const { code, stderr } = await runMain(inFolder, environment)
    expect(stderr).toMatch(/(Done|Restored): .*row/)
    expect(code).toBe(0)
  }
  rmSync(work, { recursive: true, force: true })
})

test('every JSON snippet is JSON', () => {
  const isBroken = ({ text }: Snippet) => {
    try {
      JSON.parse(text)
      return false
    } catch {
      return true
    }
  }
  const broken = snippets.filter(({ language }) => language === 'json').filter(isBroken)
  expect(broken.map(({ page, line }) => `${page}:${line}`)).toEqual([])
})

/** The arguments of each line that calls `spool`. */
function commandsOf(text: string): string[][] {
  const lines = text.matchAll(/^(?:[A-Z_]+=\S+ )?(?:npx )?spool ([^#\n]*)/gm)
  return [...lines].map(([, args = '']) => args.trim().split(/\s+/))
}

function isRunnable({ language, text }: Snippet): boolean {
  if (language === 'sh') return text.includes('127.0.0.1:8080')
  return language === 'js' || language === 'python'
}

function snippetsOf(page: string): Snippet[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(({ index, 1: language = '', 2: body = '' }) => ({
    page,
    line: text.slice(0, index).split('\n').length,
    language,
    text: body,
  }))
}

function run(program: string, file: string): Promise<{ code: number | null; output: string }> {
  return new Promise((done, fail) => {
    const child = spawn(program, [file], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (output += chunk))
    child.on('error', fail)
    child.on('close', (code) => done({ code, output }))
  })
}
