/** The first text on stdout: the address, the database and the model in use, and snippets to paste. */
import type { Config } from '../config/config.ts'
import type { App } from '../app/app.ts'

export function banner(config: Config, app: App): string {
  const key = config.keys.size > 0 ? '$SPOOL_API_KEY' : 'any-key'
  const warning = app.models.isDemo
    ? `
  ! No model is configured: the built-in DEMO model answers. It is for trying Spool: it knows nothing.
  ! Set OPENAI_API_KEY, or OPENAI_BASE_URL for any OpenAI-compatible server, or write spool.config.json.
`
    : ''
  const console = config.console && app.url ? `    console   ${app.url}/console/\n` : ''
  const head = `
  Spool ${app.url ? `answers at ${app.url}/v1` : 'works on runs'}
    database  ${app.database}
    model     ${app.models.description}
    embedder  ${app.retrieval.embedder.id}
    python    ${config.sandbox.choice === 'off' ? 'off' : 'a sandbox is chosen now; the log and /readyz say which'}
${console}    keys      ${config.keys.size > 0 ? `${config.keys.size} configured` : 'any key is accepted, from this machine only'}
${warning}`
  if (!app.url) return head
  return `${head}
  Try it with curl (a run streams in):

    ASSISTANT=$(curl -s ${app.url}/v1/assistants -H "Authorization: Bearer ${key}" \\
      -H "OpenAI-Beta: assistants=v2" -H "Content-Type: application/json" \\
      -d '{"model":"gpt-4o","instructions":"Be brief."}' | sed 's/.*"id":"\\(asst_[^"]*\\)".*/\\1/')
    curl -N ${app.url}/v1/threads/runs -H "Authorization: Bearer ${key}" \\
      -H "OpenAI-Beta: assistants=v2" -H "Content-Type: application/json" \\
      -d '{"assistant_id":"'$ASSISTANT'","stream":true,"thread":{"messages":[{"role":"user","content":"Hello!"}]}}'

  Or with the official SDK (npm install openai; save as try.mjs; node try.mjs):

    import OpenAI from 'openai'
    const openai = new OpenAI({ baseURL: '${app.url}/v1', apiKey: '${key === 'any-key' ? key : 'your key'}' })
    const assistant = await openai.beta.assistants.create({ model: 'gpt-4o', instructions: 'Be brief.' })
    const stream = openai.beta.threads.createAndRunStream({
      assistant_id: assistant.id,
      thread: { messages: [{ role: 'user', content: 'Hello!' }] },
    })
    stream.on('textDelta', (delta) => process.stdout.write(delta.value ?? ''))
    await stream.finalRun()

`
}
