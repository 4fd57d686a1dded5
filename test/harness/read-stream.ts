/** Reads server-sent events as they were sent. */

export interface SentEvent {
  event: string
  /** Parsed JSON, or `[DONE]`. */
  data: any
  id?: string
}

/** Requests a stream as the official clients do. */
export function requestStream(url: string, body: object): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: {
      authorization: 'Bearer test-key',
      'openai-beta': 'assistants=v2',
      'content-type': 'application/json',
    },
    body: JSON.stringify({ ...body, stream: true }),
  })
}

export async function readStream(response: Response): Promise<SentEvent[]> {
  const events: SentEvent[] = []
  for await (const event of streamEvents(response)) events.push(event)
  return events
}

export async function* streamEvents(response: Response): AsyncGenerator<SentEvent> {
  if (!response.body) throw new Error('expected a body')
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body) {
    rest += decoder.decode(chunk as Uint8Array, { stream: true })
    const blocks = rest.split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) yield parseBlock(block)
  }
  if (rest.replaceAll(/^:.*$/gm, '').trim() !== '')
    throw new Error(`the stream ends within an event: ${rest}`)
}

function parseBlock(block: string): SentEvent {
  const fields = new Map<string, string>()
  for (const line of block.split('\n')) {
    if (line.startsWith(':')) continue
    const [, name = '', value = ''] = /^([a-z]+): ?(.*)$/s.exec(line) ?? []
    if (name === '' || fields.has(name)) throw new Error(`unexpected line in an event: ${line}`)
    fields.set(name, value)
  }
  const data = fields.get('data') ?? ''
  const id = fields.get('id')
  return {
    event: fields.get('event') ?? '',
    data: data === '[DONE]' ? data : JSON.parse(data),
    ...(id !== undefined && { id }),
  }
}
