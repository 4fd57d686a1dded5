/** npm start: compiles when src/ is newer than dist/, then runs the server in this process. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Spool needs Node.js 20.19 or newer; this is ${process.versions.node}.`)
  process.exit(1)
}

const stamp = join(root, 'dist', '.built')
if (!existsSync(stamp) || newest(join(root, 'src')) > statSync(stamp).mtimeMs) {
  const { build } = await import('./build.mjs')
  build()
}
await import('../dist/main.js')

function newest(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  return Math.max(...files.map((file) => statSync(join(file.parentPath, file.name)).mtimeMs))
}
