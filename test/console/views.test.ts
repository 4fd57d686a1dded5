import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { axeFindings, isTooWide, openConsole, type Console, type Visit } from './console.ts'
import { repeatChunk, storeOf } from '../harness/vector-stores.ts'
import { createObjects, type SampleObjects } from './sample-objects.ts'

let server: Console
let objects: SampleObjects
let visit: Visit
beforeAll(async () => {
  server = await openConsole()
  objects = await createObjects(server)
})
afterEach(() => visit.close())
afterAll(() => server.close())

async function open(path: string, options = {}) {
  visit = await server.visit(`/console${path}`, options)
  return visit.page
}

/** Every view, and a text that it shows only with its data. */
const views = (): [string, string][] => [
  [`/?assistant=${objects.assistant}&thread=${objects.thread}`, 'When does the ferry'],
  ['/threads', 'When does the ferry'],
  [`/threads/${objects.thread}`, 'When does the ferry'],
  ['/runs', 'Harbour guide'],
  [`/runs/${objects.run}`, 'demo/demo'],
  [`/runs/${objects.run}?tab=requests`, 'Answer from the papers.'],
  [`/runs/${objects.run}?tab=passages`, 'quarter past nine'],
  [`/runs/${objects.run}?tab=events`, 'thread.run.completed'],
  [`/runs/${objects.run}?tab=raw`, '"object": "thread.run"'],
  [`/runs/${objects.failed}`, 'What to do'],
  ['/assistants', 'Harbour guide'],
  ['/assistants/new', 'Create'],
  [`/assistants/${objects.assistant}`, 'Harbour guide'],
  ['/files', 'harbour.md'],
  [`/files/${objects.file}`, 'quarter past nine'],
  ['/vector-stores', 'Harbour papers'],
  [`/vector-stores/${objects.store}`, 'harbour.md'],
  [`/vector-stores/${objects.store}?tab=search`, 'Score threshold'],
  [`/vector-stores/${objects.store}?tab=settings`, 'Last used'],
  [`/vector-stores/${objects.store}/files/${objects.file}`, 'quarter past nine'],
  ['/models', 'Names in use'],
  ['/server', 'Settings in force'],
]

describe.each([
  ['light', { colorScheme: 'light' as const }],
  ['dark', { colorScheme: 'dark' as const }],
  ['at the width of a phone', { viewport: { width: 390, height: 844 }, hasTouch: true }],
])('%s', (_name, options) => {
  test('every view shows its data, has no serious finding of axe, and fits the window', async () => {
    const page = await open('/', options)
    const found: string[] = []
    for (const [path, text] of views()) {
      await page.goto(`${server.url}/console${path}`)
      await page.getByText(text).first().waitFor({ state: 'attached' })
      await page.waitForLoadState('networkidle').catch(() => undefined)
      for (const finding of await axeFindings(page)) found.push(`${path}: ${finding}`)
      if (await isTooWide(page)) found.push(`${path}: wider than the window`)
    }
    expect(found).toEqual([])
  })
})

test('the first view weighs less than 600 kB on the wire', async () => {
  const page = await open('/')
  await page
    .getByRole('button', { name: 'Create' })
    .or(page.getByRole('button', { name: 'Save', exact: true }))
    .first()
    .waitFor()
  const bytes =
    await page.evaluate<number>(`[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    .filter(({ name }) => name.includes('/console/')).reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)`)
  expect(bytes).toBeGreaterThan(50_000)
  expect(bytes).toBeLessThan(600_000)
})

test('the color scheme of the system is used, and the button changes it permanently', async () => {
  const page = await open('/server', { colorScheme: 'dark' })
  const scheme = () => page.evaluate<string>("document.documentElement.dataset.mantineColorScheme ?? ''")
  await expect.poll(scheme).toBe('dark')
  await page.getByRole('button', { name: 'Use the light theme' }).click()
  await expect.poll(scheme).toBe('light')
  await page.reload()
  await expect.poll(scheme).toBe('light')
})

test('threads are found by metadata, text and id', async () => {
  const page = await open('/threads')
  const other = await server.openai.beta.threads.create({
    messages: [{ role: 'user', content: 'About trains' }],
  })
  const search = page.getByRole('searchbox', { name: 'Find by id, metadata or text' })
  const rows = page.locator('.row')
  for (const [words, expected] of [
    ['c-17', 'When does the ferry'],
    ['TRAINS', 'About trains'],
    [other.id, 'About trains'],
  ] as const) {
    await search.fill(words)
    await expect.poll(() => rows.allInnerTexts()).toEqual([expect.stringContaining(expected)])
  }
  await search.fill('nobody said this')
  await page.getByText('No matching threads').waitFor()
})

test('a thread is forked, its metadata are changed, it is exported and deleted', async () => {
  const page = await open(`/threads/${objects.thread}`)
  await page.getByRole('button', { name: 'Fork' }).click()
  await expect.poll(() => page.url()).not.toContain(objects.thread)
  const fork = page.url().split('/').at(-1) ?? ''
  await page.getByRole('button', { name: 'Add a pair' }).click()
  await page
    .getByLabel(/^Key \d$/)
    .last()
    .fill('topic')
  await page.getByLabel('Value of topic').fill('boats')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The metadata is saved.').waitFor()
  expect((await server.openai.beta.threads.retrieve(fork)).metadata).toMatchObject({ topic: 'boats' })
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Export' }).click()
  await page.getByRole('menuitem', { name: 'As JSON' }).click()
  expect((await download).suggestedFilename()).toBe(`${fork}.json`)
  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByText('The thread is deleted.').waitFor()
  await expect(server.openai.beta.threads.retrieve(fork)).rejects.toThrow('No thread found')
})

test('an assistant is created, duplicated and deleted', async () => {
  const page = await open('/assistants/new')
  await page.getByLabel('Name').fill('Scribe')
  await page.getByRole('button', { name: 'Create' }).click()
  await page.getByRole('heading', { name: 'Scribe' }).waitFor()
  await page.getByRole('button', { name: 'Duplicate' }).click()
  await page.getByRole('heading', { name: 'Scribe (copy)' }).waitFor()
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByText('The assistant is deleted.').waitFor()
  const names = (await server.openai.beta.assistants.list()).data.map(({ name }) => name)
  expect(names).toContain('Scribe')
  expect(names).not.toContain('Scribe (copy)')
})

test('the search of a vector store shows passages, the parts of their scores, and the place in the text', async () => {
  const page = await open(`/vector-stores/${objects.store}?tab=search`)
  await page.getByRole('textbox', { name: 'Query' }).fill('ferry leaves')
  await page.getByRole('button', { name: 'Add a filter' }).click()
  await page.getByLabel('Value of filter 1').fill('2024')
  await page.getByRole('button', { name: 'Search', exact: true }).click()
  const result = page.locator('.results > li').first()
  await result.waitFor()
  expect(await result.locator('.score-bars .num').allInnerTexts()).toEqual([
    expect.stringMatching(/^0\.\d{3}$/),
    expect.stringMatching(/^0\.\d{3}$/),
    expect.stringMatching(/^[01]\.\d{3}$/),
  ])
  expect(await result.locator('mark').allInnerTexts()).toContain('ferry')
  await result.getByRole('link', { name: 'harbour.md' }).click()
  await page.locator('.file-text mark').first().waitFor()
  await page.goBack()
  await page.getByRole('textbox', { name: 'Query' }).fill('ferry')
  await page.getByRole('button', { name: 'Add a filter' }).click()
  await page.getByLabel('Value of filter 1').fill('1999')
  await page.getByRole('button', { name: 'Search', exact: true }).click()
  await page.getByText('Nothing found').waitFor()
})

test('the search of a large vector store says how many chunks were left out', async () => {
  const { id, file_ids } = await storeOf(server, { 'quay.md': 'The quay is long.' })
  await repeatChunk(server.db, file_ids[0]!, 33_000)
  const page = await open(`/vector-stores/${id}?tab=search`)
  await page.getByRole('textbox', { name: 'Query' }).fill('quay')
  await page.getByRole('button', { name: 'Search', exact: true }).click()
  const note = page.getByText('left out: the index')
  await expect.poll(() => note.allInnerTexts()).toEqual([expect.stringContaining('33,000 chunks')])
})

test('a vector store says why a file failed, and files are added by drop', async () => {
  const page = await open(`/vector-stores/${objects.store}`)
  await page.getByText('could not be parsed').waitFor()
  await dropFile(page, '.drop-area', { name: 'notes.txt', text: 'Notes about nets.' })
  const row = page.locator('.row', { hasText: 'notes.txt' })
  await expect.poll(() => row.innerText()).toContain('1 chunk')
})

/** Drops a file as a person does. */
async function dropFile(page: Visit['page'], target: string, { name, text }: { name: string; text: string }) {
  await page.locator(target).first().waitFor()
  const data = await page.evaluateHandle(
    `(() => { const data = new DataTransfer(); data.items.add(new File([${JSON.stringify(text)}], ${JSON.stringify(name)})); return data })()`,
  )
  for (const event of ['dragover', 'drop']) await page.dispatchEvent(target, event, { dataTransfer: data })
}

test('attributes of a file are changed in place', async () => {
  const page = await open(`/vector-stores/${objects.store}/files/${objects.file}`)
  await page.getByLabel('Value of year').fill('2025')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The attributes are saved.').waitFor()
  const file = await server.openai.vectorStores.files.retrieve(objects.file, {
    vector_store_id: objects.store,
  })
  expect(file.attributes).toEqual({ year: 2025 })
  await server.openai.vectorStores.files.update(objects.file, {
    vector_store_id: objects.store,
    attributes: { year: 2024 },
  })
})

test('a run that failed says what to do, and its timeline shows the request', async () => {
  const page = await open(`/runs/${objects.failed}`)
  await page.getByText('What to do').waitFor()
  await page.getByRole('button', { name: /^Model demo, .*It failed/ }).click()
  const request = page.getByRole('region', { name: 'Request 1' })
  await expect.poll(() => request.innerText()).toContain('fail server_error')
})

test('a model is tested, and the pages Models and Server show the present state', async () => {
  const page = await open('/models')
  await page.getByRole('button', { name: 'Test demo' }).first().click()
  await page.getByText(/answers in \d+/).waitFor()
  const info = await server.call('GET', '/server')
  await page.goto(`${server.url}/console/server`)
  await page.getByText(info.version, { exact: true }).waitFor()
  expect(await page.getByRole('region', { name: 'Settings in force' }).innerText()).toContain('trace_days')
})

describe('keys', () => {
  test('j and k move through a list, and Enter opens an item', async () => {
    const page = await open('/runs')
    await page.locator('.row').first().waitFor()
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    await page.keyboard.press('k')
    await expect.poll(() => page.locator('.row.chosen').innerText()).toContain(objects.failed)
    await page.keyboard.press('Enter')
    await expect.poll(() => page.url()).toContain(`/console/runs/${objects.failed}`)
  })

  test.each(['assistant', 'thread', 'run', 'file', 'store'] as const)(
    'Ctrl K opens the id of a %s',
    async (kind) => {
      const page = await open('/server')
      await page.keyboard.press('Control+k')
      await page
        .getByRole('textbox', { name: 'Find an id, a page, or words in a thread' })
        .fill(objects[kind])
      await page.keyboard.press('Enter')
      await expect.poll(() => page.url()).toContain(`/${objects[kind]}`)
    },
  )

  test('everything is reached with Tab, and the first Tab offers to skip the navigation', async () => {
    const page = await open('/assistants')
    await page.locator('.row').first().waitFor()
    await page.keyboard.press('Tab')
    expect(await page.evaluate<string>('document.activeElement.textContent')).toBe('Skip to the content')
    const reached = new Set<string>()
    for (let count = 0; count < 40; count++) {
      await page.keyboard.press('Tab')
      reached.add(
        await page.evaluate<string>(
          "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent",
        ),
      )
    }
    for (const name of ['Threads', 'Find by name or id', 'New assistant', 'Assistants'])
      expect([...reached]).toContain(name)
  })
})

test('with keys configured the console asks for one, keeps it in the tab and never in the address', async () => {
  const guarded = await openConsole({ SPOOL_API_KEY: 'secret-key@team' })
  try {
    visit = await guarded.visit('/console/')
    const { page } = visit
    await page.getByLabel('API key').fill('wrong')
    await page.getByRole('button', { name: 'Use this key' }).click()
    await page.getByText('That key is not accepted.').waitFor()
    await page.getByLabel('API key').fill('secret-key')
    await page.getByRole('button', { name: 'Use this key' }).click()
    await page.getByRole('button', { name: 'Ask a sample document' }).waitFor()
    expect(page.url()).not.toContain('secret-key')
    expect(await page.evaluate<string>('JSON.stringify(localStorage)')).not.toContain('secret-key')
    await page.getByRole('button', { name: 'Key and project' }).click()
    await page.getByText('Project team').waitFor()
  } finally {
    await guarded.close()
  }
})
