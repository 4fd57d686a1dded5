/**
 * Compiles src/ to dist/ and copies the other files; builds the console into dist/console. With the argument
 * `server` only the server, and only when its sources are newer.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const dist = join(root, 'dist')
const require = createRequire(import.meta.url)

/** Builds the server only. A console that was built before stays. */
export function build() {
  mkdirSync(dist, { recursive: true })
  for (const name of readdirSync(dist)) {
    if (name !== 'console') rmSync(join(dist, name), { recursive: true, force: true })
  }
  const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
  const made = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: 'inherit',
  })
  if (made.status !== 0) throw new Error('src/ did not compile')
  const files = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
  for (const file of files) {
    if (!file.isFile() || file.name.endsWith('.ts')) continue
    const from = join(file.parentPath, file.name)
    cpSync(from, join(dist, from.slice(join(root, 'src').length)))
  }
  writeFileSync(join(dist, '.built'), new Date().toISOString())
}

/** Needs the development packages. */
export function buildConsole() {
  const vite = join(dirname(require.resolve('vite/package.json')), 'bin', 'vite.js')
  const made = spawnSync(process.execPath, [vite, 'build', 'console', '--logLevel', 'warn'], {
    cwd: root,
    stdio: 'inherit',
  })
  if (made.status !== 0) throw new Error('the console did not build')
  writeFileSync(join(dist, 'console', '.built'), new Date().toISOString())
}

export function isBuilt(folder) {
  return existsSync(join(root, folder, '.built'))
}

export function isStale(built, sources) {
  const changed = newest(join(root, sources))
  return changed > 0 && (!isBuilt(built) || changed > statSync(join(root, built, '.built')).mtimeMs)
}

function newest(folder) {
  if (!existsSync(folder)) return 0
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  return Math.max(...files.map((file) => statSync(join(file.parentPath, file.name)).mtimeMs))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  if (process.argv[2] !== 'server') {
    build()
    buildConsole()
  } else if (isStale('dist', 'src')) build()
}
