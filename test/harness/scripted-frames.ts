/** The frames of one scripted answer, as a Chat Completions server would send them. */
import type { AnswerStep, CutStep, ScriptedUsage } from './scripted-model.ts'

/** All frames before the finish; and the finish, the usage when it was requested, and `[DONE]`. */
export function frames(step: AnswerStep | CutStep, body: any): { opening: string[]; closing: string[] } {
  const head = {
    id: 'chatcmpl-scripted',
    object: 'chat.completion.chunk',
    created: 1700000000,
    model: body?.model ?? 'scripted',
  }
  const frame = (delta: object, finish_reason: string | null = null) =>
    event({ ...head, choices: [{ index: 0, delta, logprobs: null, finish_reason }] })
  const opening = [frame({ role: 'assistant', content: '', refusal: null })]
  if ('extra' in step) opening.push(frame({ ...step.extra }))
  for (const content of pieces(step.text)) opening.push(frame({ content }))
  if ('refusal' in step) for (const refusal of pieces(step.refusal)) opening.push(frame({ refusal }))
  for (const [index, call] of (step.calls ?? []).entries()) {
    const id = call.id ?? `call_scripted_${index}`
    const called = { name: call.name, arguments: call.arguments === null ? null : '' }
    const start = { index, id, type: 'function', function: called, ...call.extra }
    opening.push(frame({ tool_calls: [start] }))
    for (const fragment of pieces(call.arguments)) {
      opening.push(frame({ tool_calls: [{ index, function: { arguments: fragment } }] }))
    }
  }
  if ('cut' in step) return { opening, closing: [] }
  const closing = [frame({}, finishOf(step))]
  if (step.usage !== null && body?.stream_options?.include_usage === true) {
    closing.push(event({ ...head, choices: [], usage: usageOf(step) }))
  }
  closing.push('data: [DONE]\n\n')
  return { opening, closing }
}

/** The same answer for a request without `stream`. */
export function wholeAnswer(step: AnswerStep, body: any): object {
  const tool_calls = (step.calls ?? []).map((call, index) => ({
    id: call.id ?? `call_scripted_${index}`,
    type: 'function',
    function: { name: call.name, arguments: pieces(call.arguments).join('') },
    ...call.extra,
  }))
  const message = {
    role: 'assistant',
    content: step.text === undefined ? null : pieces(step.text).join(''),
    refusal: step.refusal === undefined ? null : pieces(step.refusal).join(''),
    ...(tool_calls.length > 0 ? { tool_calls } : {}),
    ...step.extra,
  }
  return {
    id: 'chatcmpl-scripted',
    object: 'chat.completion',
    created: 1700000000,
    model: body?.model ?? 'scripted',
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishOf(step) }],
    ...(step.usage === null ? {} : { usage: usageOf(step) }),
  }
}

function pieces(text: string | string[] | null | undefined): string[] {
  if (text === undefined || text === null) return []
  return typeof text === 'string' ? [text] : text
}

function finishOf(step: AnswerStep): string {
  return step.finish_reason ?? ((step.calls ?? []).length > 0 ? 'tool_calls' : 'stop')
}

function usageOf(step: AnswerStep): ScriptedUsage {
  const calls = (step.calls ?? []).reduce((count, call) => count + 1 + pieces(call.arguments).length, 0)
  const usage = step.usage ?? {
    prompt_tokens: 10,
    completion_tokens: pieces(step.text).length + pieces(step.refusal).length + calls,
  }
  return { ...usage, total_tokens: usage.total_tokens ?? usage.prompt_tokens + usage.completion_tokens }
}

function event(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`
}
