/** /console/: the files of the built console. Only files of that folder are served. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { errors } from '../api/errors.ts'
import type { Server } from './server.ts'

const compress = promisify(gzip)

/**
 * The page may load this server's own files only. Inline styles are allowed, because the component library needs them;
 * they cannot load anything from elsewhere, because images and fonts cannot.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' blob: data:",
  "font-src 'self'",
  // The SDK fetches `data:,` to find out what this browser can send.
  "connect-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

interface ConsoleFile {
  type: string
  content: Buffer
  /** Whether its name contains a hash of its content. */
  isLasting: boolean
  zipped?: Promise<Buffer>
}

/** Beside this directory in a build; in `dist/` when the server runs from its sources. */
const folders = ['../console', '../../dist/console'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
)

/** The folder of the built console; undefined where it was not built. */
export function findConsole(): string | undefined {
  return folders.find((one) => existsSync(join(one, 'index.html')))
}

export function consoleRoutes(http: FastifyInstance, { hasConsole }: Server): void {
  if (!hasConsole) return
  let files: Map<string, ConsoleFile> | undefined
  const handle = async (request: FastifyRequest, reply: FastifyReply) => {
    files ??= readFiles()
    const { '*': path = '' } = request.params as { '*'?: string }
    // Each view has its own path, which the page itself resolves.
    const file =
      files.get(path) ?? (extname(path) === '' || path.includes('/') ? files.get('index.html') : undefined)
    if (!file || (path.startsWith('assets/') && !files.has(path)))
      throw errors.invalidUrl('GET', `/console/${path}`)
    return send(request, reply, file)
  }
  http.get('/console', handle)
  http.get('/console/*', handle)
}

function readFiles(): Map<string, ConsoleFile> {
  const folder = findConsole()
  if (folder === undefined) return new Map()
  const found = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  return new Map(
    found.map((entry) => {
      const path = join(entry.parentPath, entry.name)
      const name = relative(folder, path).replaceAll('\\', '/')
      const type = types[extname(name)] ?? 'application/octet-stream'
      return [name, { type, content: readFileSync(path), isLasting: name.startsWith('assets/') }]
    }),
  )
}

async function send(request: FastifyRequest, reply: FastifyReply, file: ConsoleFile): Promise<FastifyReply> {
  void reply.headers({
    'content-type': file.type,
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cache-control': file.isLasting ? 'public, max-age=31536000, immutable' : 'no-cache',
    vary: 'accept-encoding',
  })
  if (!(request.headers['accept-encoding'] ?? '').includes('gzip')) return reply.send(file.content)
  file.zipped ??= compress(file.content)
  return reply.header('content-encoding', 'gzip').send(await file.zipped)
}
