/** Asks the model once, and passes its answer to the writer while it arrives. */
import type { Usage } from '../api/runs.ts'
import type { ChatRequest, FinishReason, ModelUsage } from '../models/port.ts'
import type { ResolvedModel } from '../models/open.ts'
import { TextJoiner } from '../util/storable-text.ts'
import type { TurnWriter } from './turn-writer.ts'

/** How the answer of a model ended, and what it cost. */
export interface AnswerEnd {
  finish_reason: FinishReason
  usage: Usage
}

export async function askModel(
  model: ResolvedModel,
  request: ChatRequest,
  writer: TurnWriter,
  signal: AbortSignal,
): Promise<AnswerEnd> {
  let end: AnswerEnd | undefined
  const texts = new TextJoiner()
  const refusals = new TextJoiner()
  const callArguments: TextJoiner[] = []
  for await (const part of model.chat.stream(request, signal)) {
    signal.throwIfAborted()
    switch (part.type) {
      case 'text-delta':
        writer.text(texts.join(part.text))
        break
      case 'refusal-delta':
        writer.refusal(refusals.join(part.text))
        break
      case 'tool-call-start':
        writer.beginCall(part.index, part.id, part.name)
        break
      case 'tool-call-delta':
        callArguments[part.index] ??= new TextJoiner()
        writer.continueCall(part.index, callArguments[part.index]?.join(part.arguments) ?? '')
        break
      case 'note':
        writer.note(part.kind, part.details)
        break
      case 'end':
        if (part.finish_reason === 'tool_calls') writer.fillArguments()
        if (part.extras) writer.keepExtras(part.origin ?? model.origins[0] ?? '', part.extras)
        end = { finish_reason: part.finish_reason, usage: runUsage(part.usage) }
        break
    }
  }
  signal.throwIfAborted()
  const { tool_choice } = request
  const isForced = tool_choice !== undefined && tool_choice !== 'auto' && tool_choice !== 'none'
  if (isForced && writer.calls.length === 0) writer.note('tool_choice_not_obeyed', { tool_choice })
  if (!end) throw new Error('expected the model to end its answer')
  return end
}

function runUsage(usage: ModelUsage): Usage {
  return {
    prompt_tokens: usage.prompt_tokens,
    completion_tokens: usage.completion_tokens,
    total_tokens: usage.prompt_tokens + usage.completion_tokens,
    prompt_token_details: { cached_tokens: usage.cached_tokens },
    completion_tokens_details: { reasoning_tokens: usage.reasoning_tokens },
  }
}
