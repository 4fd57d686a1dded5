import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { openConsole, type Console, type Visit } from './console.ts'

let server: Console
let visit: Visit
beforeAll(async () => {
  server = await openConsole()
})
afterEach(() => visit.close())
afterAll(() => server.close())

/** Opens the playground with an assistant of that name. */
async function playground(body: object = {}) {
  const assistant = await server.openai.beta.assistants.create({ model: 'demo', name: 'Tester', ...body })
  visit = await server.visit(`/console/?assistant=${assistant.id}`)
  const { page } = visit
  await page.getByRole('textbox', { name: 'Message', exact: true }).waitFor()
  return {
    page,
    assistant,
    send: async (text: string) => {
      await page.getByRole('textbox', { name: 'Message', exact: true }).fill(text)
      await page.keyboard.press('Control+Enter')
    },
    ended: (status: string) => page.locator(`[data-run-status=${status}]`).last().waitFor(),
  }
}

test('the guided start ends with a cited answer, its passage and the code for it', async () => {
  visit = await server.visit('/console/')
  const { page } = visit
  await page.getByRole('button', { name: 'Ask a sample document' }).click()
  await page.getByRole('button', { name: 'How high is the lighthouse of Skarvo?' }).click()
  await page.locator('[data-run-status=completed]').waitFor()
  await page.getByRole('button', { name: 'Citation 1' }).click()
  const passage = page.getByRole('dialog', { name: 'Cited passage' })
  await expect.poll(() => passage.innerText()).toContain('41 metres high')
  await page.keyboard.press('Escape')
  await page.getByRole('tab', { name: 'Code' }).click()
  await expect.poll(() => page.getByLabel('This request in curl').innerText()).toContain('/v1/threads/runs')
  await page.getByText('Python', { exact: true }).click()
  await expect
    .poll(() => page.getByLabel('This request in python').innerText())
    .toContain('client.beta.threads.create_and_run')
})

test('an answer grows while it streams, and Escape cancels it', async () => {
  const { page, send, ended } = await playground()
  await send(`slow 80\nsay ${'many words '.repeat(200)}`)
  const text = page.locator('.message.assistant .markdown')
  await text.waitFor()
  const first = (await text.innerText()).length
  await expect.poll(async () => (await text.innerText()).length).toBeGreaterThan(first)
  await page.keyboard.press('Escape')
  await ended('cancelled')
})

test('a run survives a reload of the page', async () => {
  const { page, send, ended } = await playground()
  await send(`slow 40\nsay ${'one two three four '.repeat(30)}end`)
  await page.locator('.message.assistant .markdown').waitFor()
  await page.reload()
  await ended('completed')
  await expect
    .poll(() => page.locator('.message.assistant .markdown').innerText())
    .toBe(`${'one two three four '.repeat(30)}end`)
})

test('a stream continues by itself after the server was killed and restarted', async () => {
  const { page, send, ended } = await playground()
  await send(`slow 60\nsay ${'one two three four '.repeat(60)}end`)
  await page.locator('.message.assistant .markdown').waitFor()
  await server.restart()
  await ended('completed')
  const whole = `${'one two three four '.repeat(60)}end`
  await expect.poll(() => page.locator('.message.assistant .markdown').last().innerText()).toBe(whole)
  // The text of the lost attempt is not a message of the thread.
  await page.reload()
  await expect.poll(() => page.locator('.message.assistant').count()).toBe(1)
})

const weather = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    description: 'Tells the weather.',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
}

test('required actions are answered in a form or as raw text', async () => {
  const { page, send, ended } = await playground({ tools: [weather] })
  await send('call get_weather {"city": "Rome"}\ncall get_weather {"city": "Oslo"}')
  const form = page.getByRole('form', { name: 'Outputs of the functions' })
  await form.waitFor()
  expect(await form.innerText()).toContain('"Rome"')
  await page.getByLabel('Name of value 1 for get_weather').first().fill('celsius')
  await page.getByLabel('Value 1 for get_weather', { exact: true }).first().fill('22')
  await form.getByText('Raw').last().click()
  await page.getByLabel('Output of get_weather').fill('cold')
  await page.getByRole('button', { name: 'Submit all 2' }).click()
  await ended('completed')
  const text = page.locator('.message.assistant .markdown').last()
  await expect.poll(() => text.innerText()).toContain('{"celsius":22}')
  expect(await text.innerText()).toContain('cold')
})

test('a file that is dropped on the composer is searched and cited', async () => {
  const { page, send, ended } = await playground({ tools: [{ type: 'file_search' }] })
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: 'Attach files' }).click()
  await (
    await chooser
  ).setFiles({
    name: 'garden.md',
    mimeType: 'text/markdown',
    buffer: Buffer.from('# Garden\n\nThe old pear tree bears fruit every second autumn.\n'),
  })
  await page.getByText('garden.md').waitFor()
  await send('When does the pear tree bear fruit?')
  await ended('completed')
  await page.getByRole('button', { name: 'Citation 1' }).click()
  await expect.poll(() => page.getByRole('dialog').innerText()).toContain('pear tree')
})

test('an assistant is edited, its functions are checked, and unsaved changes are shown', async () => {
  const { page, assistant } = await playground()
  await page.getByLabel('Instructions').fill('Be kind.')
  await page.getByText('Not saved yet').waitFor()
  await page.getByRole('button', { name: 'Add a function' }).click()
  const editor = page.getByLabel('Function', { exact: true })
  await editor.fill('{"name": "a b"}')
  await page.getByText('Something is wrong in a function.').waitFor()
  expect(await page.getByRole('button', { name: 'Save', exact: true }).isDisabled()).toBe(true)
  await editor.fill('{"name": "f", "parameters": {"type": "objekt"}}')
  await page.getByText('Something is wrong in a function.').waitFor()
  await editor.fill('{"name": "f", "parameters": {"type": "object", "properties": {}}}')
  await page.getByRole('switch', { name: 'File search' }).check()
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await page.getByText('The assistant is saved.').waitFor()
  const saved = await server.openai.beta.assistants.retrieve(assistant.id)
  expect(saved.instructions).toBe('Be kind.')
  expect(saved.tools.map(({ type }) => type).toSorted()).toEqual(['file_search', 'function'])
})

test('options of a run reach the request, and the inspector shows what the model received', async () => {
  const { page, send, ended } = await playground({ instructions: 'Be brief.' })
  await page.getByRole('button', { name: 'Options' }).click()
  await page.getByLabel('Additional instructions').fill('Speak of boats.')
  await page.getByLabel('Max completion tokens').fill('300')
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
  await send('Hello')
  await ended('completed')
  await page.getByRole('tab', { name: 'Request' }).click()
  const request = page.getByRole('region', { name: 'Request 1' })
  await expect.poll(() => request.innerText()).toContain('Speak of boats.')
  expect(await request.innerText()).toContain('"max_completion_tokens": 300')
  await page.getByRole('tab', { name: 'Events' }).click()
  await page.locator('.event', { hasText: 'thread.run.completed' }).waitFor()
})

test('a thread is forked from one of its messages', async () => {
  const { page, send, ended } = await playground()
  await send('First')
  await ended('completed')
  await send('Second')
  await expect.poll(() => page.locator('.message.assistant').count()).toBe(2)
  const before = page.url()
  await page.getByRole('button', { name: 'Actions on this message' }).first().click()
  await page.getByRole('menuitem', { name: 'Fork the thread here' }).click()
  await expect.poll(() => page.url()).not.toBe(before)
  await expect.poll(() => page.locator('.message').count()).toBe(1)
  expect(await page.locator('.message').innerText()).toContain('First')
})
