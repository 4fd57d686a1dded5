/** Reads the directives that a user message gives to the demo model. */
import type { ChatMessage, ChatRequest, ModelFailureCode } from '../port.ts'

export type DemoAction =
  | { type: 'say'; text: string }
  | { type: 'call'; name: string; arguments: string }
  | { type: 'fail'; code: ModelFailureCode }

export interface DemoScript {
  /** In the order of the lines. */
  actions: DemoAction[]
  /** Wait between words. */
  slowMs: number
}

const failureCodes: ModelFailureCode[] = ['server_error', 'rate_limit_exceeded', 'invalid_prompt']

/** The longest wait that `slow` obeys. */
const slowestMs = 60_000

/**
 * Each line is one directive. In a message with a directive, the other lines are ignored.
 * `python` and `search` are directives only when the run has their tool; otherwise they are ordinary words.
 */
export function readScript(text: string, tools: Set<string>): DemoScript {
  const script: DemoScript = { actions: [], slowMs: 0 }
  const lines = joinFences(text.split('\n'))
  for (const line of lines) {
    const slow = /^slow (\d{1,6})\s*$/.exec(line)
    if (slow !== null) script.slowMs = Math.min(Number(slow[1]), slowestMs)
    const action = readAction(line, tools)
    if (action !== undefined) script.actions.push(action)
  }
  return script
}

function readAction(line: string, tools: Set<string>): DemoAction | undefined {
  const [, verb = '', rest = ''] = /^(say|call|python|search|fail) (.*\S)\s*$/.exec(line) ?? []
  switch (verb) {
    case 'say':
      return { type: 'say', text: rest }
    case 'call':
      return readCall(rest, tools)
    case 'python':
      return tools.has('code_interpreter')
        ? { type: 'call', name: 'code_interpreter', arguments: JSON.stringify({ code: unfold(rest) }) }
        : undefined
    case 'search':
      return tools.has('file_search')
        ? { type: 'call', name: 'file_search', arguments: JSON.stringify({ queries: [rest] }) }
        : undefined
    case 'fail': {
      const code = failureCodes.find((known) => known === rest)
      return code === undefined ? undefined : { type: 'fail', code }
    }
    default:
      return undefined
  }
}

/** `NAME {…}` calls any function, offered or not, with any text as arguments. `NAME` alone must be a tool of the run. */
function readCall(rest: string, tools: Set<string>): DemoAction | undefined {
  const [, name = '', given = ''] = /^([A-Za-z0-9_.-]+)\s*(\{.*)?$/.exec(rest) ?? []
  if (name === '' || (given === '' && !tools.has(name))) return undefined
  return { type: 'call', name, arguments: given === '' ? '{}' : given }
}

/** Stands for a line break inside a `python` line. */
const fold = '\u0000'

/** Joins a line `python` and the fenced block after it into one `python` line. */
function joinFences(lines: string[]): string[] {
  const joined: string[] = []
  const lastFence = lines.lastIndexOf('```')
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? ''
    const opens = line.trimEnd() === 'python' && /^```[a-z]*$/.test(lines[index + 1] ?? '')
    if (!opens || lastFence < index + 2) {
      joined.push(line)
      continue
    }
    const end = lines.indexOf('```', index + 2)
    joined.push(`python ${lines.slice(index + 2, end).join(fold)}`)
    index = end
  }
  return joined
}

function unfold(code: string): string {
  return code.replaceAll(fold, '\n')
}

/** The text of the last user message, and how many images came with it. */
export function lastQuestion(request: ChatRequest): { text: string; images: number } {
  const message = request.messages.findLast(({ role }) => role === 'user')
  if (message?.role !== 'user') return { text: '', images: 0 }
  if (typeof message.content === 'string') return { text: message.content, images: 0 }
  const texts = message.content
    .map((part) => (part.type === 'text' ? part.text : ''))
    .filter((text) => text !== '')
  return { text: texts.join('\n'), images: message.content.filter(({ type }) => type === 'image_url').length }
}

/** The calls since the last question or final answer, with their outputs. */
export function answeredCalls(request: ChatRequest): { name: string; output: string }[] {
  const start = request.messages.findLastIndex((message) => message.role === 'user' || isAnswer(message))
  const turn = request.messages.slice(start + 1)
  const outputs = new Map(
    turn.flatMap((message) =>
      message.role === 'tool' ? [[message.tool_call_id, message.content] as const] : [],
    ),
  )
  return turn.flatMap((message) =>
    message.role === 'assistant'
      ? (message.tool_calls ?? []).map(({ id, function: { name } }) => ({
          name,
          output: outputs.get(id) ?? '',
        }))
      : [],
  )
}

function isAnswer(message: ChatMessage): boolean {
  return message.role === 'assistant' && (message.tool_calls?.length ?? 0) === 0
}
