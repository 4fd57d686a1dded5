/** The page at `/`, for people who open the server's address in a browser. */
import { createHash } from 'node:crypto'
import type { Operation } from './route.ts'
import { version } from '../util/version.ts'

const style = `
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 3rem auto; padding: 0 1rem; }
  code { font: 14px/1.5 ui-monospace, monospace; }
  td { padding: 0 1rem 0 0; vertical-align: top; }
`

/** The page runs no script and loads nothing; its style is allowed by its hash. */
export const homePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** `operations` come from our own declarations: only `&` and `<` in their texts are escaped. */
export function homePage(operations: readonly Operation[]): string {
  const rows = operations.map(
    ({ method, path, summary }) =>
      `<tr><td><code>${method}</code></td><td><code>${text(path)}</code></td><td>${text(summary)}</td></tr>`,
  )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Spool</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<h1>Spool is running</h1>
<p>Version ${version}. The API is at <code>/v1</code>: use this address as the base URL of an OpenAI SDK.</p>
<ul>
<li><a href="/openapi.json">/openapi.json</a>: the OpenAPI document</li>
<li><a href="/healthz">/healthz</a>: whether the process is up</li>
<li><a href="/readyz">/readyz</a>: whether database, model and sandbox are ready</li>
</ul>
<p>How to use and configure the server is written in README.md and in the directory docs of the repository.</p>
<h2>Operations</h2>
<table>
${rows.join('\n')}
</table>
</body>
</html>
`
}

function text(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
