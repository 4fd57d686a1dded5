/** Anthropic's Messages API: the order of blocks, thinking unchanged, never temperature with top_p. */
import { argumentsOf, planned, Refused, type NativeProvider } from './base.ts'

export const anthropicKey = 'anthropic-key'

function refuse(message: string): never {
  throw new Refused(400, { type: 'error', error: { type: 'invalid_request_error', message } })
}

const thinkingOf = (turn: number) => ({
  thinking: `I think about turn ${turn}.`,
  signature: `signature-${turn}`,
})

export const anthropic: NativeProvider = {
  check(body, request) {
    if (request.headers['x-api-key'] !== anthropicKey) {
      throw new Refused(401, {
        type: 'error',
        error: { type: 'authentication_error', message: 'invalid x-api-key' },
      })
    }
    if (request.url !== '/v1/messages')
      throw new Refused(404, {
        type: 'error',
        error: { type: 'not_found_error', message: String(request.url) },
      })
    if (request.headers['anthropic-version'] === undefined) refuse('anthropic-version: header is required')
    if (typeof body.max_tokens !== 'number') refuse('max_tokens: Field required')
    if ('temperature' in body && 'top_p' in body)
      refuse('`temperature` and `top_p` cannot both be specified for this model.')
    if (body.messages[0]?.role !== 'user') refuse('messages: first message must use the "user" role')
    if (body.messages.at(-1)?.role === 'assistant')
      refuse('This model does not support assistant message prefill.')
    checkAlternation(body)
    checkBlocks(body)
  },
  *answer(body) {
    const turn = body.messages.filter((message: any) => message.role === 'assistant').length
    const names =
      body.tools && body.tool_choice?.type !== 'none' ? planned(question(body), turnsDone(body)) : []
    const isJson = body.output_config?.format !== undefined || body.output_format !== undefined
    const { thinking, signature } = thinkingOf(turn)
    yield event('message_start', {
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: body.model,
        content: [],
        stop_reason: null,
        usage: { input_tokens: 12, output_tokens: 1, cache_read_input_tokens: 4 },
      },
    })
    let index = 0
    yield* block(index, { type: 'thinking', thinking: '', signature: '' }, [
      { type: 'thinking_delta', thinking },
      { type: 'signature_delta', signature },
    ])
    index += 1
    const jsonTool = body.tools?.find((tool: any) => tool.name === 'json')
    const text = names.length > 0 ? 'I will look.' : isJson ? '{"answer":"done"}' : 'All done.'
    if (names.length === 0 && jsonTool) {
      yield* block(index, { type: 'tool_use', id: `toolu_${turn}_json`, name: 'json', input: {} }, [
        { type: 'input_json_delta', partial_json: '{"answer":"done"}' },
      ])
    } else {
      yield* block(
        index,
        { type: 'text', text: '' },
        text.split(/(?<= )/).map((piece) => ({ type: 'text_delta', text: piece })),
      )
    }
    for (const [number, name] of names.entries()) {
      index += 1
      const json = JSON.stringify(argumentsOf(name))
      yield* block(index, { type: 'tool_use', id: `toolu_${turn}_${number}`, name, input: {} }, [
        { type: 'input_json_delta', partial_json: json.slice(0, 4) },
        { type: 'input_json_delta', partial_json: json.slice(4) },
      ])
    }
    const stop_reason = names.length > 0 || (names.length === 0 && jsonTool) ? 'tool_use' : 'end_turn'
    yield event('message_delta', { delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 9 } })
    yield event('message_stop', {})
  },
}

function* block(index: number, content_block: object, deltas: object[]): Generator<string> {
  yield event('content_block_start', { index, content_block })
  for (const delta of deltas) yield event('content_block_delta', { index, delta })
  yield event('content_block_stop', { index })
}

function event(type: string, data: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}`
}

function checkAlternation({ messages }: any): void {
  const isRepeated = messages.some(({ role }: any, index: number) => role === messages[index - 1]?.role)
  if (isRepeated) refuse('messages: roles must alternate between "user" and "assistant"')
}

/** Each tool_use has its result in the next message, no text is empty, and thinking comes back as it was. */
function checkBlocks({ messages }: any): void {
  let turn = 0
  for (const [index, { role, content }] of messages.entries()) {
    const blocks: any[] = typeof content === 'string' ? [{ type: 'text', text: content }] : content
    for (const one of blocks) {
      if (one.type === 'text' && one.text.trim() === '')
        refuse(`messages.${index}: text content blocks must be non-empty`)
    }
    const uses = blocks.filter((one) => one.type === 'tool_use')
    for (const { id } of uses) {
      if (!/^[a-zA-Z0-9_-]+$/.test(id))
        refuse(`messages.${index}: tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'`)
    }
    if (role === 'assistant') {
      checkThinking(blocks, turn, index)
      if (uses.some(({ id }) => id.startsWith('toolu_')) && blocks[0]?.type !== 'thinking') {
        refuse(`messages.${index}: Expected \`thinking\`, but found \`${blocks[0]?.type}\``)
      }
      turn += 1
    }
    const results = new Set(
      (messages[index + 1]?.content ?? [])
        .filter((one: any) => one.type === 'tool_result')
        .map((one: any) => one.tool_use_id),
    )
    for (const { id } of uses) {
      if (!results.has(id))
        refuse(
          `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${id}`,
        )
    }
  }
}

function checkThinking(blocks: any[], turn: number, index: number): void {
  const expected = thinkingOf(turn)
  for (const { type, thinking, signature } of blocks) {
    if (type !== 'thinking' || (thinking === expected.thinking && signature === expected.signature)) continue
    refuse(`messages.${index}: thinking blocks in the latest assistant message cannot be modified`)
  }
}

function isQuestion(message: any): boolean {
  return message.role === 'user' && message.content.every((one: any) => one.type !== 'tool_result')
}

function question({ messages }: any): string {
  return messages
    .findLast(isQuestion)
    ?.content.map((one: any) => one.text ?? '')
    .join(' ')
}

function turnsDone({ messages }: any): number {
  const start = messages.findLastIndex(isQuestion)
  return messages.slice(start).filter((message: any) => message.role === 'assistant').length
}
