/** `npm run screenshots`: makes the pictures of docs/images with its own server, the demo model and Chromium. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { findBrowser } from './browser.mjs'
import { build, buildConsole } from './build.mjs'
import { root } from './suite.mjs'

const images = join(root, 'docs', 'images')

const { path, reason } = findBrowser()
if (path === undefined) {
  console.error(`There are no screenshots: ${reason}`)
  process.exit(1)
}
build()
buildConsole()
mkdirSync(images, { recursive: true })
const data = mkdtempSync(join(tmpdir(), 'spool-screenshots-'))
const server = spawn(process.execPath, [join(root, 'dist', 'main.js')], {
  env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', SPOOL_DATA_DIR: data },
  stdio: ['ignore', 'pipe', 'inherit'],
})
try {
  const url = await addressOf(server)
  const browser = await chromium.launch({
    executablePath: path,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
    ],
  })
  await take(browser, url)
  await browser.close()
} finally {
  server.kill('SIGTERM')
  await new Promise((resolveEnd) => server.once('exit', resolveEnd))
  rmSync(data, { recursive: true, force: true })
}

function addressOf(child) {
  return new Promise((found, failed) => {
    let printed = ''
    child.stdout.on('data', (chunk) => {
      printed += chunk
      const [, url] = /(http:\/\/127\.0\.0\.1:\d+)\/v1/.exec(printed) ?? []
      if (url) found(url)
    })
    child.once('exit', () => failed(new Error(`the server ended: ${printed}`)))
  })
}

async function take(browser, url) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 820 }, colorScheme: 'light' })
  const page = await context.newPage()
  const shoot = async (name) => {
    await page.waitForTimeout(700)
    await page.screenshot({ path: join(images, `console-${name}.png`) })
  }
  await takeAnswer(page, url, shoot)
  await takeRequiredAction(page, url, shoot)
  await takeRun(page, url, shoot)
}

/** A cited answer and the passages behind it. */
async function takeAnswer(page, url, shoot) {
  await page.goto(`${url}/console/`)
  await page.getByRole('button', { name: 'Ask a sample document' }).click()
  await page.getByRole('button', { name: 'How high is the lighthouse of Skarvo?' }).click()
  await page.locator('[data-run-status=completed]').waitFor()
  await page.locator('.timeline li').nth(3).waitFor()
  await shoot('playground')
  await page.getByRole('link', { name: 'Open the run' }).last().click()
  await page.getByRole('tab', { name: 'Passages' }).click()
  await page.locator('.results').waitFor()
  await shoot('passages')
}

/** A run with Python that waits for functions, in the dark theme. */
async function takeRequiredAction(page, url, shoot) {
  await page.goto(`${url}/console/?assistant=new`)
  await page.getByLabel('Name').fill('Analyst')
  await page.getByRole('switch', { name: 'Code interpreter' }).check()
  await page.getByRole('button', { name: 'Add a function' }).click()
  await page.getByRole('button', { name: 'Create' }).click()
  await page.getByRole('button', { name: 'Save as new' }).waitFor()
  await page
    .getByRole('textbox', { name: 'Message', exact: true })
    .fill(
      [
        'say I compute the squares first.',
        'python',
        '```',
        'import matplotlib.pyplot as plt',
        'plt.figure(figsize=(5, 2.4))',
        'plt.plot([n * n for n in range(10)], marker="o")',
        'plt.title("Squares")',
        'plt.show()',
        '```',
        'say Now I ask for the weather.',
        'call get_weather {"city": "Rome", "unit": "celsius"}',
        'call get_weather {"city": "Oslo"}',
        'say It is warm in Rome and cold in Oslo.',
      ].join('\n'),
    )
  await page.keyboard.press('Control+Enter')
  await page.getByRole('form', { name: 'Outputs of the functions' }).waitFor({ timeout: 60_000 })
  await page.getByLabel('Name of value 1 for get_weather').first().fill('temperature')
  await page.getByLabel('Value 1 for get_weather', { exact: true }).first().fill('22')
  await page.emulateMedia({ colorScheme: 'dark' })
  await shoot('required-action')
  await page.emulateMedia({ colorScheme: 'light' })
}

/** The same run when it is complete, and its thread on a phone. */
async function takeRun(page, url, shoot) {
  await page.getByLabel('Value 1 for get_weather', { exact: true }).last().fill('-3')
  await page.getByRole('button', { name: 'Submit all 2' }).click()
  await page.locator('[data-run-status=completed]').waitFor()
  await page.getByRole('link', { name: 'Open the run' }).last().click()
  await page.locator('.timeline li').nth(5).waitFor()
  await shoot('run')
  await page.setViewportSize({ width: 390, height: 844 })
  await page.goto(`${url}/console/threads`)
  await page.locator('.row').first().click()
  await page.locator('.message.assistant').first().waitFor()
  await shoot('phone')
}
