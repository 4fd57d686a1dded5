/** A server in its own process, a browser, and pages that record every forbidden request, error and script. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import OpenAI from 'openai'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { testDatabase, type TestDatabase } from '../harness/database.ts'
import { makeDataDir } from '../harness/data-dir.ts'
import { startProcess, type ServerProcess } from '../harness/process.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export interface Visit {
  page: Page
  /** Throws for script errors, violations of the content security policy, requests to other hosts, dialogs. */
  close(): Promise<void>
}

export interface Console {
  /** Without a path. */
  readonly url: string
  openai: OpenAI
  db: TestDatabase['db']
  browser: Browser
  /** Opens a page below /console; `options` are the context's. */
  visit(path: string, options?: BrowserContextOptions): Promise<Visit>
  /** Kills the server and starts it again at the same address. */
  restart(): Promise<void>
  /** A request beyond the SDK, with its parsed answer. */
  call(method: string, path: string, body?: object): Promise<any>
  close(): Promise<void>
}

export async function openConsole(environment: Record<string, string> = {}): Promise<Console> {
  const database = await testDatabase()
  const { db } = database
  const data = makeDataDir()
  const base = { DATABASE_URL: database.url, SPOOL_LOG_LEVEL: 'error', ...environment }
  let server: ServerProcess = await startProcess(data.path, base)
  const { url } = server
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: flags,
  })
  return {
    url,
    openai: new OpenAI({ baseURL: `${url}/v1`, apiKey: 'test-key', maxRetries: 0 }),
    db,
    browser,
    visit: (path, options) => visit(browser, url + path, options),
    async restart() {
      await server.end('SIGKILL')
      server = await startProcess(data.path, { ...base, PORT: new URL(url).port })
    },
    async call(method, path, body) {
      const response = await fetch(`${url}/v1${path}`, {
        method,
        headers: {
          authorization: 'Bearer test-key',
          'openai-beta': 'assistants=v2',
          ...(body && { 'content-type': 'application/json' }),
        },
        ...(body && { body: JSON.stringify(body) }),
      })
      return response.json()
    },
    async close() {
      await browser.close()
      await server.end('SIGTERM')
      await database.drop()
      await data.remove()
    },
  }
}

async function visit(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options })
  const page = await context.newPage()
  const complaints: string[] = []
  // Scripts for the page are text: the tests know no types of browsers.
  await page.addInitScript(`document.addEventListener('securitypolicyviolation', (event) =>
    console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI))`)
  page.on('pageerror', (error) => complaints.push(`script error: ${error.message}`))
  page.on('console', (message) => {
    if (message.text().startsWith('policy: ')) complaints.push(message.text())
  })
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  context.on('request', (request) => {
    const { protocol, host } = new URL(request.url())
    const isOwn = host === new URL(url).host || protocol === 'blob:' || protocol === 'data:'
    if (!isOwn) complaints.push(`request to ${request.url()}`)
  })
  await page.goto(url)
  await page.getByRole('link', { name: 'Spool' }).waitFor()
  return {
    page,
    async close() {
      await context.close()
      if (complaints.length > 0) throw new Error(`the page did what it must not: ${complaints.join('; ')}`)
    },
  }
}

interface Violation {
  id: string
  impact: string
  nodes: { html: string }[]
}

/** What axe finds that is serious or worse, each as one line. */
export async function axeFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  const { violations } = await page.evaluate<{ violations: Violation[] }>(`axe.run({
    runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] },
  })`)
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`)
}

/** Whether the page is wider than its window. */
export function isTooWide(page: Page): Promise<boolean> {
  return page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth + 1')
}
