/** Compiles src/ to dist/ and copies what is not TypeScript. */
import { spawnSync } from 'node:child_process'
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')

export function build() {
  const dist = join(root, 'dist')
  rmSync(dist, { recursive: true, force: true })
  const manifest = createRequire(import.meta.url).resolve('typescript/package.json')
  const compiler = join(dirname(manifest), 'bin', 'tsc')
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

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) build()
