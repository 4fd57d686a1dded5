/**
 * A model server with the rules of one provider: it refuses what the real one refuses, in its words, and plays the
 * same conversation in front of all of them. The tests run the whole server against each.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Throw it from a rule: the answer of the server. */
export class Refused extends Error {
  readonly status: number
  readonly body: unknown
  constructor(status: number, body: unknown) {
    super(JSON.stringify(body))
    this.status = status
    this.body = body
  }
}

/** OpenAI's form of an error. */
export function refuse(message: string, fields: object = {}): never {
  throw new Refused(400, {
    error: { message, type: 'invalid_request_error', param: null, code: null, ...fields },
  })
}

export interface Provider {
  name: string
  /** Throws `Refused` for a request that the real server would refuse. */
  check: (body: any) => void
  /** What the provider adds to a message and to a call, and demands back. */
  messageExtras?: (turn: number) => object
  callExtras?: (turn: number) => object
  /** Changes a frame of the stream, for servers that differ from OpenAI. */
  frame?: (frame: any) => any
  /** Whether the tools are called although `tool_choice` is `none`, and `tool_choice` is ignored. */
  ignoresToolChoice?: boolean
  finishAfterCalls?: string
  /** Its ids of calls; `call_1` and so on when absent. */
  callId?: (turn: number, name: string) => string
}

export interface StrictUpstream {
  url: string
  /** Bodies that were accepted. */
  accepted: any[]
  /** What was refused, as text. */
  refused: string[]
  close(): Promise<void>
}

/** What the model does: it calls as the last user message says, `call A, then B`, and then answers. */
interface Plan {
  text: string
  call: { name: string; arguments: object } | undefined
  turn: number
}

export async function strictUpstream(provider: Provider): Promise<StrictUpstream> {
  const accepted: any[] = []
  const refused: string[] = []
  const server = createServer((request, response) => {
    void (async () => {
      const text = Buffer.concat(await request.toArray()).toString()
      if (request.url?.endsWith('/models') === true) {
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify({ object: 'list', data: [{ id: 'strict', object: 'model' }] }))
        return
      }
      const body = JSON.parse(text)
      try {
        checkShape(body)
        provider.check(body)
      } catch (error) {
        if (!(error instanceof Refused)) throw error
        refused.push(error.message)
        response.writeHead(error.status, { 'content-type': 'application/json' })
        response.end(JSON.stringify(error.body))
        return
      }
      accepted.push(body)
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const frame of frames(provider, body)) response.write(`data: ${JSON.stringify(frame)}\n\n`)
      response.end('data: [DONE]\n\n')
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/v1`,
    accepted,
    refused,
    close: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** The rules of every server: the outputs of calls follow directly, and no assistant message follows another. */
function checkShape({ messages, tools, tool_choice }: any): void {
  if (tools === undefined && tool_choice !== undefined)
    refuse('When using `tool_choice`, `tools` must be set.')
  const waiting = new Set<string>()
  let before = ''
  for (const { role, tool_calls = [], tool_call_id } of messages) {
    if (role === 'tool' && !waiting.delete(tool_call_id)) {
      refuse("messages with role 'tool' must be a response to a preceding message with 'tool_calls'.")
    }
    if (role !== 'tool' && waiting.size > 0) {
      refuse(
        `An assistant message with 'tool_calls' must be followed by tool messages: ${[...waiting].join()}`,
      )
    }
    if (role === 'assistant' && before === 'assistant') {
      refuse('Conversation roles must alternate user/assistant/user/assistant/...')
    }
    for (const { id, function: called } of tool_calls) {
      waiting.add(id)
      JSON.parse(called.arguments)
    }
    before = role
  }
}

function plan(provider: Provider, { messages, tools, tool_choice, response_format }: any): Plan {
  const asked = messages.findLastIndex((message: any) => message.role === 'user')
  const done = messages.slice(asked).filter((message: any) => message.role === 'assistant').length
  const wanted = /call ([\w, ]+)/.exec(messages[asked].content)?.[1]?.split(' then ')[done]?.trim()
  const isAllowed = tools !== undefined && (tool_choice !== 'none' || provider.ignoresToolChoice)
  const turn = messages.filter((message: any) => message.role === 'assistant').length
  if (wanted !== undefined && isAllowed) {
    const args = { file_search: { queries: ['moon'] }, code_interpreter: { code: '6 * 7' } }[wanted] ?? {
      city: 'Rome',
    }
    return { text: `I call ${wanted}.`, call: { name: wanted, arguments: args }, turn }
  }
  const isJson = response_format !== undefined || JSON.stringify(messages).includes('JSON Schema')
  return { text: isJson ? '{"answer":"done"}' : 'All done.', call: undefined, turn }
}

function* frames(provider: Provider, body: any): Generator<object> {
  const { text, call, turn } = plan(provider, body)
  const change = provider.frame ?? ((frame: any) => frame)
  const frame = (delta: object, finish_reason: string | null = null) =>
    change({ object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] })
  const extras = provider.messageExtras?.(turn)
  if (extras) yield frame(extras)
  for (const piece of text.split(/(?<= )/)) yield frame({ role: 'assistant', content: piece })
  if (call) {
    const called = { name: call.name, arguments: JSON.stringify(call.arguments) }
    const added = provider.callExtras?.(turn)
    const id = provider.callId?.(turn, call.name) ?? `call_${turn}`
    yield frame({
      tool_calls: [{ index: 0, id, type: 'function', function: called, ...added }],
    })
  }
  yield frame({}, call ? (provider.finishAfterCalls ?? 'tool_calls') : 'stop')
  if (body.stream_options?.include_usage) {
    yield { choices: [], usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } }
  }
}

/** Paths of the JSON Schema keywords in the tools and the response format, with the keyword last. */
export function schemaPaths({ tools = [], response_format }: any): string[] {
  const paths: string[] = []
  const walk = (value: any, path: string, isMap: boolean): void => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return
    for (const [key, one] of Object.entries(value)) {
      if (!isMap) paths.push(`${path}/${key}`)
      walk(one, `${path}/${key}`, !isMap && key === 'properties')
    }
  }
  for (const [index, tool] of tools.entries())
    walk(tool.function.parameters, `tools[${index}].function.parameters`, false)
  walk(response_format?.json_schema?.schema, 'response_format/json_schema', false)
  return paths
}
