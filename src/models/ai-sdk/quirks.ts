/** What one provider needs and others do not. */
import type { LanguageModelV3Prompt, SharedV3ProviderOptions } from '@ai-sdk/provider'
import type { ChatRequest } from '../port.ts'
import type { AiSdkProviderSettings } from '../settings.ts'

/** Gemini 3 refuses calls without a thought signature. It accepts this one for calls that another model made. */
const foreignSignature = 'skip_thought_signature_validator'

type Type = AiSdkProviderSettings['type']

/** Options beyond the common interface. Adds settings that the provider cannot obey to `notes`. */
export function providerOptions(
  type: Type,
  request: ChatRequest,
  prompt: LanguageModelV3Prompt,
): { options: SharedV3ProviderOptions; notes: string[] } {
  const { parallel_tool_calls, reasoning_effort: effort } = request
  const notes: string[] = []
  const options: SharedV3ProviderOptions = {}
  if (type === 'anthropic') {
    const isThinking = effort !== undefined && effort !== 'none' && mayThink(prompt)
    if (effort !== undefined && effort !== 'none' && !isThinking) notes.push('reasoning_effort')
    options.anthropic = {
      ...(parallel_tool_calls === false && { disableParallelToolUse: true }),
      ...(isThinking && { effort: effort === 'minimal' ? 'low' : effort }),
    }
    return { options, notes }
  }
  if (parallel_tool_calls === false && (request.tools ?? []).length > 0) notes.push('parallel_tool_calls')
  if (effort === undefined) return { options, notes }
  if (type === 'google' || type === 'google-vertex') {
    const level = effort === 'none' ? 'minimal' : effort === 'xhigh' || effort === 'max' ? 'high' : effort
    options.google = { thinkingConfig: { thinkingLevel: level } }
  } else {
    notes.push('reasoning_effort')
  }
  return { options, notes }
}

/** Claude refuses to think when a turn since the last user message has no thinking, as turns of other models. */
function mayThink(prompt: LanguageModelV3Prompt): boolean {
  const start = prompt.findLastIndex(({ role }) => role === 'user')
  return prompt.slice(start + 1).every((message) => {
    if (message.role !== 'assistant') return true
    return message.content.some(({ type }) => type === 'reasoning')
  })
}

/** Signs the calls of turns that Gemini did not write. */
export function signForeignCalls(type: Type, prompt: LanguageModelV3Prompt): void {
  if (type !== 'google' && type !== 'google-vertex') return
  for (const message of prompt) {
    if (message.role !== 'assistant') continue
    const calls = message.content.filter((part) => part.type === 'tool-call')
    const isSigned = calls.some(({ providerOptions: own }) => own !== undefined)
    const [first] = calls
    if (first && !isSigned) first.providerOptions = { google: { thoughtSignature: foreignSignature } }
  }
}
