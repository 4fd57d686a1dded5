/** Refuses requests that a model is known to be unable to answer, and describes a provider's refusal in the same way. */
import type { ModelFacts } from './model-facts.ts'
import { ModelFailure, type ChatMessage, type ChatRequest } from './port.ts'

interface Named {
  provider: string
  model: string
  facts: ModelFacts
}

type Ability = 'tools' | 'vision' | 'json_schema'

const needs: Record<Ability, { words: string; isIn: (request: ChatRequest) => boolean }> = {
  tools: { words: 'does not support function calling, and the run has tools', isIn: offersTools },
  vision: {
    words: 'does not read images, and the conversation has one',
    isIn: ({ messages }) => messages.some(hasImage),
  },
  json_schema: {
    words: 'does not answer by a JSON schema, which the response_format demands',
    isIn: ({ response_format: format }) => format?.type === 'json_schema',
  },
}

/** The request within the model's limits. Throws `ModelFailure` for what the model cannot do. */
export function fitToFacts(request: ChatRequest, named: Named): ChatRequest {
  const { facts } = named
  for (const ability of Object.keys(needs) as Ability[]) {
    if (facts[ability] === false && needs[ability].isIn(request)) throw unable(named, ability)
  }
  const { tools: _, tool_choice: __, parallel_tool_calls: ___, ...withoutTools } = request
  const fitted = facts.tools === false ? withoutTools : { ...request }
  const { max_completion_tokens: limit = Infinity } = request
  const most = Math.min(limit, facts.output_tokens ?? Infinity)
  return limit === Infinity ? fitted : { ...fitted, max_completion_tokens: most }
}

/** Refusals as Ollama, vLLM, llama.cpp, OpenRouter, Groq, Gemini and OpenAI write them. */
const refusals: { ability: Ability; words: RegExp }[] = [
  {
    ability: 'tools',
    words:
      /support(ed|s|ing)? (the )?(use of )?(tools?\b|(tool|function)[ -]?(use|call))|(tools?|(tool|function) (use|calling))['"`]? (is|are) not (supported|enabled|available)|enable-auto-tool-choice|tools param requires/i,
  },
  {
    ability: 'vision',
    words:
      /(support|accept)\w* (the )?(images?|vision)|images?( inputs?)? (is|are) not (supported|enabled)|image_url is only supported|not a multimodal model|unknown variant `image_url`|at most 0 image/i,
  },
]

/** Turns a provider's refusal of tools or images into a failure that names the model. Returns other errors unchanged. */
export function nameAbility(error: unknown, request: ChatRequest, named: Named): unknown {
  if (!(error instanceof ModelFailure) || error.code === 'rate_limit_exceeded') return error
  const { cause } = error
  const text = `${error.message} ${cause instanceof Error ? cause.message : ''}`
  const found = refusals.find(({ ability, words }) => needs[ability].isIn(request) && words.test(text))
  return found ? unable(named, found.ability, error) : error
}

function unable({ provider, model }: Named, ability: Ability, cause?: ModelFailure): ModelFailure {
  const answer = cause ? ` The provider says: ${cause.message}` : ''
  const hint = cause ? '' : ` If it can, set model_facts["${model}"].${ability} to true.`
  return new ModelFailure(
    'invalid_prompt',
    `The model '${model}' of the provider '${provider}' ${needs[ability].words}.${answer}${hint}`,
    { cause },
  )
}

function offersTools({ tools = [], tool_choice }: ChatRequest): boolean {
  return tools.length > 0 && tool_choice !== 'none'
}

function hasImage(message: ChatMessage): boolean {
  if (message.role !== 'user' || typeof message.content === 'string') return false
  return message.content.some(({ type }) => type === 'image_url')
}
