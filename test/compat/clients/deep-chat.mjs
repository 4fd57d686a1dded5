/** deep-chat, a web component, on a page of another origin in Chromium: a function, a stream, the thread's history. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { answer, output, question, weather } from './story.mjs'

const {
  OPENAI_BASE_URL: url,
  OPENAI_API_KEY: key,
  CHROMIUM: executablePath,
  PAGE_ORIGIN: origin,
} = process.env
const bundle = join(process.argv[2], 'node_modules/deep-chat/dist/deepChat.bundle.js')

async function create(path, body) {
  const headers = {
    authorization: `Bearer ${key}`,
    'openai-beta': 'assistants=v2',
    'content-type': 'application/json',
  }
  const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  return response.json()
}

const assistant = await create('/assistants', {
  model: 'gpt-4o',
  tools: [{ type: 'function', function: weather }],
})
const thread = await create('/threads', { messages: [{ role: 'user', content: 'An older question' }] })

/** What a site would write into its page. */
function setUp({ url, key, assistantId, threadId, output, stream }) {
  const chat = document.createElement('deep-chat')
  chat.directConnection = {
    openAI: {
      key,
      assistant: {
        assistant_id: assistantId,
        thread_id: threadId,
        load_thread_history: true,
        custom_base_url: url,
        function_handler: (calls) => calls.map(({ name }) => (name === 'get_weather' ? output : 'unknown')),
      },
    },
  }
  if (stream) chat.connect = { stream: true }
  document.body.append(chat)
}

// The page has no address, so Chromium would ask its user before it may call this machine.
const args = ['--no-sandbox', '--disable-gpu', '--disable-features=LocalNetworkAccessChecks']
const browser = await chromium.launch({ executablePath, args })
try {
  const page = await browser.newPage()
  await page.route(`${origin}/**`, (route) =>
    route.request().url().endsWith('.js')
      ? route.fulfill({ contentType: 'text/javascript', body: readFileSync(bundle) })
      : route.fulfill({
          contentType: 'text/html',
          body: '<!doctype html><script type="module" src="/chat.js"></script>',
        }),
  )
  let answers = 0
  for (const stream of [false, true]) {
    await page.goto(origin)
    await page.evaluate(setUp, {
      url,
      key,
      assistantId: assistant.id,
      threadId: thread.id,
      output,
      stream,
    })
    await page.getByText('An older question').waitFor()
    for (const [text, expected] of [
      [question, answer],
      ['say one two three', 'one two three'],
    ]) {
      await page.locator('#text-input').pressSequentially(text)
      await page.locator('#text-input').press('Enter')
      await page.locator('.ai-message-text').filter({ hasText: expected }).nth(answers).waitFor()
    }
    // The second page shows the answers to the first one as history.
    answers += 1
  }
} finally {
  await browser.close()
}
console.log('pass scenario')
