/** Decides the text and the calls of one turn of the demo model. */
import { answeredCalls, lastQuestion, readScript, type DemoAction } from './demo-script.ts'
import { fitSchema } from './fit-schema.ts'
import { cut, quotePassage } from './quote-passage.ts'
import type { ChatRequest, ChatTool, ModelFailureCode } from '../port.ts'
import { parseJson } from '../../util/parse-json.ts'

/** One turn, in this order: text, then a failure or calls. */
export interface DemoTurn {
  text: string
  fail: ModelFailureCode | undefined
  calls: { name: string; arguments: string }[]
  slowMs: number
}

/** The longest part of a question or a tool output that an answer repeats, in characters. */
const longestQuote = 1_000

export function planTurn(request: ChatRequest): DemoTurn {
  const question = lastQuestion(request)
  const tools = new Map((request.tools ?? []).map((tool) => [tool.function.name, tool]))
  const answered = answeredCalls(request)
  const script = readScript(question.text, new Set(tools.keys()))
  const remaining = afterCalls(script.actions, answered.length)
  const turn = scriptedTurn(remaining, request)
  const forced = forcedCall(request, turn.calls, tools)
  if (forced !== undefined) return { text: '', fail: undefined, calls: [forced], slowMs: script.slowMs }
  const hasScript = script.actions.length > 0
  if (turn.text === '' && turn.fail === undefined && turn.calls.length === 0) {
    if (answered.length > 0) turn.text = quoteOutputs(answered, question.text)
    else if (!hasScript && mayCall(request) && tools.has('file_search'))
      turn.calls = [searchFor(question.text)]
    else turn.text = hasScript ? 'I may not call a tool now: tool_choice is "none".' : introduce(question)
  }
  if (turn.calls.length === 0 && turn.fail === undefined) turn.text = inForm(turn.text, request)
  return { ...turn, slowMs: script.slowMs }
}

/** The actions that remain after the first `count` calls. */
function afterCalls(actions: DemoAction[], count: number): DemoAction[] {
  let calls = 0
  const next = actions.findIndex((action) => {
    if (calls === count) return true
    if (action.type === 'call') calls += 1
    return false
  })
  return next === -1 ? [] : actions.slice(next)
}

/** The text before the first calls, and those calls: neighbouring calls share a turn where that is allowed. */
function scriptedTurn(actions: DemoAction[], request: ChatRequest): Omit<DemoTurn, 'slowMs'> {
  const texts: string[] = []
  const calls: DemoTurn['calls'] = []
  const most = request.parallel_tool_calls === false ? 1 : Number.POSITIVE_INFINITY
  for (const action of actions) {
    const isCall = action.type === 'call'
    if (calls.length > 0 && (!isCall || calls.length >= most)) break
    if (action.type === 'fail') return { text: texts.join('\n'), fail: action.code, calls: [] }
    if (action.type === 'say') texts.push(action.text)
    else if (mayCall(request)) calls.push({ name: action.name, arguments: action.arguments })
  }
  return { text: texts.join('\n'), fail: undefined, calls }
}

/** The call that tool_choice requires; undefined when the calls of the script satisfy it. */
function forcedCall(
  request: ChatRequest,
  planned: DemoTurn['calls'],
  tools: Map<string, ChatTool>,
): DemoTurn['calls'][number] | undefined {
  const choice = request.tool_choice
  if (choice === undefined || choice === 'auto' || choice === 'none') return undefined
  if (choice === 'required') {
    const [first] = tools.values()
    return planned.length > 0 || first === undefined ? undefined : exampleCall(first, request)
  }
  if (planned.length > 0 && planned.every(({ name }) => name === choice.function.name)) return undefined
  const tool = tools.get(choice.function.name)
  const matching = planned.find(({ name }) => name === choice.function.name)
  return (
    matching ??
    (tool === undefined ? { name: choice.function.name, arguments: '{}' } : exampleCall(tool, request))
  )
}

function exampleCall(
  { function: { name, parameters } }: ChatTool,
  request: ChatRequest,
): DemoTurn['calls'][number] {
  const { text } = lastQuestion(request)
  if (name === 'file_search') return searchFor(text)
  if (name === 'code_interpreter')
    return { name, arguments: JSON.stringify({ code: "print('Hello from the demo model')" }) }
  return {
    name,
    arguments: JSON.stringify(fitSchema({ type: 'object', ...parameters }, cut(text, 100) || 'demo')),
  }
}

function searchFor(text: string): DemoTurn['calls'][number] {
  return { name: 'file_search', arguments: JSON.stringify({ queries: [cut(text, longestQuote)] }) }
}

function mayCall(request: ChatRequest): boolean {
  return request.tool_choice !== 'none'
}

function introduce({ text, images }: { text: string; images: number }): string {
  const seen =
    images === 0 ? '' : ` With ${images === 1 ? 'an image' : `${images} images`}, which I cannot see.`
  const echo = text.trim() === '' ? 'You asked nothing.' : `You asked: “${cut(text.trim(), longestQuote)}”`
  return `I am the built-in demo model: my answers are fixed, so that everything can be tried without a key or a download. ${echo}${seen}`
}

function quoteOutputs(calls: { name: string; output: string }[], question: string): string {
  return calls
    .map(({ name, output }) => {
      if (name === 'file_search') return quotePassage(question, output)
      return `${name} answered: ${output.trim() === '' ? 'nothing' : cut(output.trim(), longestQuote)}`
    })
    .join('\n')
}

/** Converts an answer to the requested response_format; text that is JSON already is kept. */
function inForm(text: string, { response_format: form }: ChatRequest): string {
  if (form === undefined || form.type === 'text' || parseJson(text) !== undefined) return text
  if (form.type === 'json_object') return JSON.stringify({ answer: text })
  return JSON.stringify(fitSchema(form.json_schema.schema ?? { type: 'object' }, text))
}
