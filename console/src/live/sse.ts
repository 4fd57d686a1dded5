/** Reads server-sent events from a response as they arrive. */

export interface SentEvent {
  id: number | undefined
  event: string
  data: string
}

/** Ends with the body; throws what reading it throws. */
export async function* sentEvents(response: Response): AsyncGenerator<SentEvent> {
  if (!response.body) return
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    rest += value
    const blocks = rest.split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = parseBlock(block)
      if (event) yield event
    }
  }
}

function parseBlock(block: string): SentEvent | undefined {
  let id: number | undefined
  let event = ''
  const data: string[] = []
  for (const line of block.split('\n')) {
    if (line.startsWith('id: ')) id = Number(line.slice(4))
    else if (line.startsWith('event: ')) event = line.slice(7)
    else if (line.startsWith('data: ')) data.push(line.slice(6))
  }
  return event === '' ? undefined : { id, event, data: data.join('\n') }
}
