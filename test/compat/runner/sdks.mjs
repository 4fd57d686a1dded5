/**
 * The SDKs that run the scenario, and how each is fetched and started. `prepare()` resolves with the command
 * that runs the scenario; with `skip` where a registry or a toolchain is missing; or with `fail` where the scenario
 * does not even compile. All that is downloaded stays under .cache/compat.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './command.mjs'

const compat = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const root = resolve(compat, '../..')
export const cache = join(root, '.cache', 'compat')

/** Longest download; a registry that is slower than this is not there. */
export const fetchMs = 300_000

/** Longest compilation; Go needs a minute and a half of processor time the first time. */
export const compileMs = 900_000

export const sdks = [
  { id: 'node-4', title: 'npm openai 4.104.0', prepare: () => node('4.104.0') },
  { id: 'node-5', title: 'npm openai 5.23.2', prepare: () => node('5.23.2') },
  { id: 'node-6', title: 'npm openai 6.49.0', prepare: () => node('6.49.0', import.meta.resolve('openai')) },
  { id: 'node-7', title: 'npm openai 7.57.0', prepare: () => node('7.57.0') },
  ...['1.109.1', '2.54.0', '3.57.0'].flatMap((version) => {
    // Both stories of a version share one installation.
    const once = memo(() => python(version))
    const major = version.split('.')[0]
    const told = (client) => async () => withArgs(await once(), [client])
    return [
      { id: `python-${major}`, title: `PyPI openai ${version}, sync`, prepare: told('sync') },
      {
        id: `python-${major}-async`,
        title: `PyPI openai ${version}, async`,
        prepare: told('async'),
      },
    ]
  }),
  { id: 'go', title: 'Go openai-go v3.96.0', prepare: go },
  { id: 'java', title: 'Maven openai-java 4.101.0', prepare: () => java('4.101.0') },
]

function memo(make) {
  let made
  return () => (made ??= make())
}

function withArgs(prepared, args) {
  return prepared.command ? { ...prepared, args: [...prepared.args, ...args] } : prepared
}

/** `installed`: where the package's entry is when it need not be fetched. */
async function node(version, installed) {
  const folder = installed
    ? dirname(fileURLToPath(installed))
    : join(cache, `npm-${version}`, 'node_modules/openai')
  if (!existsSync(folder)) {
    const home = join(cache, `npm-${version}`)
    mkdirSync(home, { recursive: true })
    const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-save', `openai@${version}`]
    writeFileSync(join(home, 'package.json'), '{"private":true}\n')
    const done = await run('npm', args, { ms: fetchMs, cwd: home })
    if (!done.ok) return { skip: done.reason }
  }
  const found = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version
  if (found !== version) return { fail: `${folder} holds version ${found}` }
  return { command: process.execPath, args: ['--import', 'tsx', join(compat, 'node/story.ts'), folder] }
}

async function python(version) {
  const { program, skip } = await venv(join(cache, `python-${version}`), [`openai==${version}`])
  return skip ? { skip } : { command: program, args: ['-B', join(compat, 'python/run.py')] }
}

/** Installs into a separate virtual environment, once. Resolves with its Python, or with `skip`. */
export async function venv(folder, packages) {
  const program = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python')
  const ready = join(folder, '.ready')
  if (!existsSync(ready)) {
    const base = process.platform === 'win32' ? 'python' : 'python3'
    const made = await run(base, ['-m', 'venv', '--clear', folder], { ms: fetchMs })
    if (!made.ok) return { skip: made.reason }
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages]
    const done = await run(program, pip, { ms: fetchMs, env: { PIP_CACHE_DIR: join(cache, 'pip') } })
    if (!done.ok) return { skip: done.reason }
    writeFileSync(ready, '')
  }
  return { program }
}

async function go() {
  const cwd = join(compat, 'go')
  const env = {
    GOMODCACHE: join(cache, 'go/modules'),
    GOCACHE: join(cache, 'go/build'),
    // Otherwise the modules cannot be deleted with the folder.
    GOFLAGS: '-modcacherw',
    CGO_ENABLED: '0',
  }
  const fetched = await run('go', ['mod', 'download'], { ms: fetchMs, cwd, env })
  if (!fetched.ok) return { skip: fetched.reason }
  const program = join(cache, 'go', process.platform === 'win32' ? 'story.exe' : 'story')
  // Without optimisation it compiles in two thirds of the time.
  const build = ['build', '-gcflags=all=-N -l', '-o', program, '.']
  const built = await run('go', build, { ms: compileMs, cwd, env })
  return built.ok ? { command: program, args: [] } : { fail: `${built.reason}\n${built.errors}` }
}

async function java(version) {
  const sources = ['Story.java', 'Make.java', 'Chapters.java', 'Stores.java']
  const found = await classpath('openai-java', version, join(compat, 'java/pom.xml'))
  return found.skip ? found : compileJava(join(compat, 'java'), sources, found.classpath)
}

/**
 * Maven only fetches; the JDK compiles, so that no more plugins than one are needed. Resolves with `classpath` of the
 * packages that `pom` names, whose property `version` is set, or with `skip`.
 */
export async function classpath(name, version, pom) {
  const folder = join(cache, 'java')
  const list = join(folder, `${name}-${version}.classpath`)
  const compiler = await run('javac', ['-version'], { ms: fetchMs })
  if (!compiler.ok) return { skip: compiler.reason }
  if (!existsSync(list)) {
    mkdirSync(folder, { recursive: true })
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath'
    const settings = [`-Dmaven.repo.local=${join(folder, 'repository')}`, `-Dclient.version=${version}`]
    const args = ['-B', '-q', '-f', pom, goal, `-Dmdep.outputFile=${list}`, ...settings]
    const fetched = await run('mvn', args, { ms: fetchMs })
    if (!fetched.ok) return { skip: fetched.reason }
  }
  return { classpath: readFileSync(list, 'utf8').trim() }
}

/** The first of `sources` has `main`. */
export async function compileJava(folder, sources, classpath) {
  const main = sources[0].replace('.java', '')
  const classes = join(cache, 'java', `classes-${main}`)
  const files = sources.map((file) => join(folder, file))
  const compiled = await run('javac', ['-d', classes, '-cp', classpath, ...files], { ms: compileMs })
  if (!compiled.ok) return { fail: `${compiled.reason}\n${compiled.errors}` }
  return { command: 'java', args: ['-cp', [classes, classpath].join(delimiter), main] }
}
