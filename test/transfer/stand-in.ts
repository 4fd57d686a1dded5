/** A service to pull from. It pages; it throttles, fails or cuts the connection at the first try of each request. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Item = { id: string } & Record<string, unknown>

export interface Held {
  assistants: Item[]
  threads: { thread: Item; messages: Item[]; runs: Item[]; steps: Record<string, Item[]> }[]
  stores: { store: Item; files: Item[] }[]
  /** Without `content` the download is refused; `text` is what vector stores answer. */
  files: { file: Item; content?: string; text?: string }[]
  conversations: { conversation: Item; items: Item[] }[]
}

export interface StandIn {
  url: string
  /** The paths and queries that were answered without an error, in order. */
  answered: string[]
  /** All requests, also those that failed. */
  requests: { path: string; headers: IncomingMessage['headers'] }[]
  close(): Promise<void>
}

export interface StandInOptions {
  /** The prefix of all paths, such as `/v1`. */
  prefix?: string
  pageSize?: number
  /** Whether the first try of each request fails. */
  isTroubled?: boolean
  /** Answers a request instead of the service; undefined when the service answers. */
  answer?: (path: string) => { status: number; headers?: Record<string, string>; body: unknown } | undefined
  onRequest?: (count: number) => void
}

export const noObjects: Held = { assistants: [], threads: [], stores: [], files: [], conversations: [] }

export async function standIn(held: Held, options: StandInOptions = {}): Promise<StandIn> {
  const { prefix = '/v1', pageSize = 3, isTroubled = false } = options
  const lists = listsOf(held)
  const contents = contentsOf(held)
  const stand: Omit<StandIn, 'url' | 'close'> = { answered: [], requests: [] }
  const seen = new Set<string>()
  const server = createServer((request, response) => {
    const path = (request.url ?? '').slice(prefix.length)
    stand.requests.push({ path, headers: request.headers })
    options.onRequest?.(stand.requests.length)
    if (isTroubled && !seen.has(path)) {
      seen.add(path)
      if (makeTrouble(seen.size, response)) return
    }
    const url = new URL(path, 'http://stand-in')
    const own = options.answer?.(url.pathname)
    const content = contents.get(url.pathname)
    if (own) return send(response, own.status, own.body, own.headers)
    if (content) return content(response)
    const list = lists.get(url.pathname)
    const found = list ? pageOf(list, url.searchParams, pageSize) : objectAt(lists, held, url.pathname)
    if (found) stand.answered.push(path)
    if (found) return send(response, 200, found)
    return send(response, 404, { error: { message: `Nothing at ${url.pathname}` } })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    ...stand,
    url: `http://127.0.0.1:${port}${prefix}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

/** Returns whether it answered. */
function makeTrouble(number: number, response: ServerResponse): boolean {
  switch (number % 7) {
    case 0:
      send(response, 429, { error: { message: 'slow down' } }, { 'retry-after-ms': '5' })
      return true
    case 1:
      send(response, 500, { error: { message: 'oops' } })
      return true
    case 2:
      response.destroy()
      return true
    case 3:
      response.writeHead(200, { 'content-length': '1000' })
      response.write('{"object": "list", "da', () => response.destroy())
      return true
    case 4:
      response.writeHead(200, { 'content-type': 'text/html' })
      response.end('<html>A proxy says hello.</html>')
      return true
    case 5:
      response.setHeader('x-ratelimit-remaining-requests', '0')
      response.setHeader('x-ratelimit-reset-requests', '8ms')
      return false
    default:
      return false
  }
}

/** Each list by its path, oldest first. */
function listsOf(held: Held): Map<string, Item[]> {
  const lists = new Map<string, Item[]>([
    ['/assistants', held.assistants],
    ['/threads', held.threads.map(({ thread }) => thread)],
    ['/vector_stores', held.stores.map(({ store }) => store)],
    ['/files', held.files.map(({ file }) => file)],
  ])
  for (const { thread, messages, runs, steps } of held.threads) {
    lists.set(`/threads/${thread.id}/messages`, messages)
    lists.set(`/threads/${thread.id}/runs`, runs)
    for (const run of runs) lists.set(`/threads/${thread.id}/runs/${run.id}/steps`, steps[run.id] ?? [])
  }
  for (const { store, files } of held.stores) lists.set(`/vector_stores/${store.id}/files`, files)
  for (const { conversation, items } of held.conversations) {
    lists.set(`/conversations/${conversation.id}/items`, items)
  }
  return lists
}

function objectAt(lists: Map<string, Item[]>, held: Held, path: string): Item | undefined {
  const [, list = '', id] = /^(.*)\/([^/]+)$/.exec(path) ?? []
  if (list === '/conversations') {
    return held.conversations.find(({ conversation }) => conversation.id === id)?.conversation
  }
  return lists.get(list)?.find((item) => item.id === id)
}

function pageOf(list: Item[], query: URLSearchParams, pageSize: number): object {
  const ordered = query.get('order') === 'asc' ? list : list.toReversed()
  const after = query.get('after')
  const start = after === null ? 0 : ordered.findIndex(({ id }) => id === after) + 1
  const size = Math.min(pageSize, Number(query.get('limit') ?? 20))
  const data = ordered.slice(start, start + size)
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: start + size < ordered.length,
  }
}

function contentsOf({ files, stores }: Held): Map<string, (response: ServerResponse) => void> {
  const contents = new Map<string, (response: ServerResponse) => void>()
  for (const { file, content } of files) {
    contents.set(`/files/${file.id}/content`, (response) => {
      if (content === undefined) {
        const message = `Not allowed to download files of purpose: ${String(file['purpose'])}`
        return send(response, 400, { error: { message } })
      }
      response.end(content)
    })
  }
  for (const { store, files: ofStore } of stores) {
    for (const { id } of ofStore) {
      const text = files.find(({ file }) => file.id === id)?.text ?? ''
      contents.set(`/vector_stores/${store.id}/files/${id}/content`, (response) =>
        send(response, 200, {
          object: 'vector_store.file_content.page',
          data: [{ type: 'text', text }],
          has_more: false,
          next_page: null,
        }),
      )
    }
  }
  return contents
}
