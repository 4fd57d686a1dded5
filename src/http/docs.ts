/** /openapi.json and /docs: the API's description, and a page to read it. Neither asks for a key. */
import type { FastifyReply } from 'fastify'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { errors } from '../api/errors.ts'
import { openApiDocument } from './openapi.ts'
import { routes } from './routes.ts'
import type { Server } from './server.ts'

const require = createRequire(import.meta.url)

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>Spool API</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/docs/swagger-ui.css" />
  </head>
  <body>
    <div id="reference"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`

const start = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  persistAuthorization: true,
  validatorUrl: null,
})
`

/** What the page may load: this server's own, and the pictures in the style sheet. The bundle styles by attribute. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The files that the page is made of, by name. */
const files: Record<string, { type: string; read: () => Promise<string> }> = {
  'swagger-ui.css': {
    type: 'text/css',
    read: () => readFile(require.resolve('@fastify/swagger-ui/static/swagger-ui.css'), 'utf8'),
  },
  'swagger-ui-bundle.js': {
    type: 'text/javascript',
    read: () => readFile(require.resolve('@fastify/swagger-ui/static/swagger-ui-bundle.js'), 'utf8'),
  },
  'start.js': { type: 'text/javascript', read: async () => start },
}

export function docsRoutes({ http }: Server): void {
  let document: string | undefined

  http.get('/openapi.json', async (_request, reply) => {
    document ??= JSON.stringify(openApiDocument(routes))
    return send(reply, 'application/json', document)
  })

  http.get('/docs', async (_request, reply) =>
    send(reply.header('content-security-policy', policy), 'text/html', page),
  )

  http.get('/docs/:file', async (request, reply) => {
    const { file = '' } = request.params as { file?: string }
    const found = Object.hasOwn(files, file) ? files[file] : undefined
    if (!found) throw errors.invalidUrl('GET', `/docs/${file}`)
    return send(reply, found.type, await found.read())
  })
}

function send(reply: FastifyReply, type: string, text: string): FastifyReply {
  return reply
    .header('content-type', `${type}; charset=utf-8`)
    .header('cache-control', 'no-cache')
    .header('x-content-type-options', 'nosniff')
    .send(text)
}
