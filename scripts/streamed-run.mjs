/** One streamed run on a server that was just started. */

const startMs = 120_000

/** Waits for the first lines of the server, and returns its address, which ends with `/v1`. `printed` returns all lines. */
export async function announcedUrl(child, printed) {
  const endMs = performance.now() + startMs
  for (;;) {
    const [, url] = /answers at (\S+\/v1)/.exec(printed()) ?? []
    if (url !== undefined) return url
    if (child.exitCode !== null || performance.now() > endMs) {
      throw new Error(`no start: ${printed().slice(-1500)}`)
    }
    await new Promise((done) => setTimeout(done, 50))
  }
}

/** Creates an assistant and streams a run of `message`. Throws when the stream does not match `expected`. */
export async function checkRun(url, { key, message, tools = [], expected }) {
  const headers = {
    'openai-beta': 'assistants=v2',
    'content-type': 'application/json',
    authorization: `Bearer ${key}`,
  }
  const post = (path, body) => fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  const { id } = await (await post('/assistants', { model: 'gpt-4o', tools })).json()
  const thread = { messages: [{ role: 'user', content: message }] }
  const text = await (await post('/threads/runs', { assistant_id: id, thread, stream: true })).text()
  if (!expected.test(text)) throw new Error(`the stream was ${text.slice(-1500)}`)
}
