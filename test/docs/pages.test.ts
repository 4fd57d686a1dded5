/** Readers find every page, every link leads somewhere, and what a page quotes is what programs print. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import OpenAI from 'openai'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const filesBelow = (folder: string, end: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(end))
    .map((name) => join(folder, name))

const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', ...filesBelow('docs', '.md')]

/** Targets of the links of a page, without those to other sites. */
function linksOf(page: string): string[] {
  const links = [...read(page).matchAll(/\]\(([^)\s]+)\)|<img src="([^"]+)"/g)]
  return links.map(([, link, image]) => link ?? image ?? '').filter((link) => !/^\w+:/.test(link))
}

/** As GitHub makes the anchors of headings. */
function anchorsOf(page: string): string[] {
  const headings = [...read(page).matchAll(/^#+ (.*)$/gm)]
  return headings.map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

test('every page of docs/ is linked from its index', () => {
  const names = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md') && name !== 'README.md')
  const linked = linksOf('docs/README.md')
  expect(names.length).toBeGreaterThan(20)
  expect(names.filter((name) => !linked.includes(name))).toEqual([])
})

test.each(pages)('every link of %s leads to a file, and to a heading of it', (page) => {
  const isBroken = (link: string) => {
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? page : join(dirname(page), path)
    if (!existsSync(join(root, target))) return true
    return anchor !== undefined && !anchorsOf(target).includes(anchor)
  }
  expect(linksOf(page).filter(isBroken)).toEqual([])
})

test('the page about 404 has what the SDK prints for a service that has dropped the API', async () => {
  const gone = createServer(({ method, url }, response) => {
    const message = `Invalid URL (${method} ${url})`
    const error = { message, type: 'invalid_request_error', param: null, code: null }
    response.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify({ error }))
  }).listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const baseURL = `http://127.0.0.1:${(gone.address() as AddressInfo).port}/v1`
  const failure: unknown = await new OpenAI({ baseURL, apiKey: 'any-key' }).beta.assistants
    .create({ model: 'gpt-4o' })
    .catch((error: unknown) => error)
  gone.close()
  expect(failure).toBeInstanceOf(OpenAI.NotFoundError)
  const { constructor, message } = failure as Error
  expect(read('docs/404-since-2026-08-26.md')).toContain(`\`${constructor.name}: ${message}\``)
})

test('the messages that docs/troubleshoot.md quotes are those of the server', () => {
  const [, table = ''] = /## It does not start\n([^]*?)\n## /.exec(read('docs/troubleshoot.md')) ?? []
  const cells = [...table.matchAll(/^\| (`.*?) \|/gm)].flatMap(
    ([, cell = '']) => cell.match(/`[^`]+`/g) ?? [],
  )
  const phrases = cells.flatMap((cell) => cell.replaceAll('`', '').split('…')).map((phrase) => phrase.trim())
  const sources = filesBelow('src', '.ts').map(read).join('\n')
  expect(phrases.length).toBeGreaterThan(5)
  expect(phrases.filter((phrase) => phrase.length > 1 && !sources.includes(phrase))).toEqual([])
})
