/** What the stories take for granted, seen without an SDK: `node wire.mjs`. */
import assert from 'node:assert/strict'

const headers = {
  authorization: `Bearer ${process.env.OPENAI_API_KEY}`,
  'content-type': 'application/json',
  'openai-beta': 'assistants=v2',
}

async function post(base, path, body, more = headers) {
  return fetch(base + path, { method: 'POST', headers: more, body: JSON.stringify(body) })
}

const chapters = {
  'the server demands the beta header, so every SDK sends it': async () => {
    const { 'openai-beta': _, ...without } = headers
    const answer = await post(process.env.OPENAI_BASE_URL, '/threads', {}, without)
    assert.equal(answer.status, 400)
    assert.equal((await answer.json()).error.code, 'invalid_beta')
  },
  'the idle stream of the stories has several keep-alives between two words': async () => {
    const base = process.env.SPOOL_COMPAT_IDLE_URL
    const { id } = await (await post(base, '/assistants', { model: 'gpt-4o' })).json()
    const answer = await post(base, '/threads/runs', {
      assistant_id: id,
      stream: true,
      thread: { messages: [{ role: 'user', content: 'slow 1200\nsay one two three' }] },
    })
    const text = await answer.text()
    const between = text.split('event: thread.message.delta').slice(1, -1)
    assert.equal(between.length, 2)
    for (const part of between) assert.ok((part.match(/^: keep-alive$/gm) ?? []).length >= 2, part)
  },
}

for (const [name, tell] of Object.entries(chapters)) {
  try {
    await tell()
    console.log(`pass ${name}`)
  } catch (error) {
    process.exitCode = 1
    console.log(`fail ${name}: ${String(error).split('\n').join(' | ')}`)
  }
}
