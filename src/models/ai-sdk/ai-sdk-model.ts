/** A chat model behind a provider package of the AI SDK. */
import { APICallError } from '@ai-sdk/provider'
import type {
  JSONSchema7,
  LanguageModelV3CallOptions,
  LanguageModelV3StreamPart,
  SharedV3Warning,
} from '@ai-sdk/provider'
import { firstPart } from '../first-part.ts'
import { brokenAnswer, sorry, statusFailure, UpstreamFailure } from '../openai/failure.ts'
import { redactor } from '../openai/redact.ts'
import { withRetries } from '../openai/upstream.ts'
import { ModelFailure, type ChatModel, type ChatRequest, type ModelPart } from '../port.ts'
import type { AiSdkProviderSettings } from '../settings.ts'
import { findPackage, openPackage, type AiSdkProvider } from './packages.ts'
import { toParts } from './parts.ts'
import { toPrompt } from './prompt.ts'
import { providerOptions, signForeignCalls } from './quirks.ts'

/** Retries before the first part when the settings say nothing. */
const defaultRetries = 4

interface Driver {
  settings: AiSdkProviderSettings
  open: () => Promise<AiSdkProvider>
  redact: (text: string) => string
}

/** The first call loads the package. Throws an error with instructions when the package is not installed. */
export function openAiSdkModel(settings: AiSdkProviderSettings, name: string): ChatModel {
  findPackage(settings, name)
  let opened: Promise<AiSdkProvider> | undefined
  const driver: Driver = {
    settings,
    open: () => (opened ??= openPackage(settings, name)),
    redact: redactor(settings),
  }
  return { stream: (request, signal) => streamTurn(driver, request, signal) }
}

async function* streamTurn(
  driver: Driver,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ModelPart> {
  signal.throwIfAborted()
  const provider = await driver.open()
  const model = provider(request.model)
  const prompt = toPrompt(request.messages, await model.supportedUrls)
  signForeignCalls(driver.settings.type, prompt)
  const { options, notes } = providerOptions(driver.settings.type, request, prompt)
  const call: LanguageModelV3CallOptions = {
    ...callOptions(request),
    prompt,
    providerOptions: options,
    abortSignal: signal,
  }
  const toError = (error: unknown) => failureOf(error, driver, signal)
  const parts = await withRetries(
    { maxRetries: driver.settings.max_retries ?? defaultRetries },
    signal,
    async () => {
      try {
        const { stream } = await model.doStream(call)
        return await firstPart(toParts(noting(stream, notes), toError))
      } catch (error) {
        throw toError(error)
      }
    },
  )
  try {
    yield* notesOf(notes)
    yield* parts
  } catch (error) {
    throw toError(error)
  }
}

/** Collects the package's warnings about settings that the model cannot obey. */
async function* noting(
  stream: ReadableStream<LanguageModelV3StreamPart>,
  notes: string[],
): AsyncGenerator<LanguageModelV3StreamPart> {
  for await (const part of stream as unknown as AsyncIterable<LanguageModelV3StreamPart>) {
    if (part.type === 'stream-start') for (const warning of part.warnings) notes.push(wordsOf(warning))
    yield part
  }
}

function wordsOf(warning: SharedV3Warning): string {
  if (warning.type === 'other') return warning.message
  return `${warning.feature}${warning.details === undefined ? '' : `: ${warning.details}`}`
}

function* notesOf(notes: readonly string[]): Generator<ModelPart> {
  if (notes.length > 0) yield { type: 'note', kind: 'provider_warning', details: { not_obeyed: [...notes] } }
}

function callOptions(request: ChatRequest): Omit<LanguageModelV3CallOptions, 'prompt'> {
  const {
    tools = [],
    tool_choice,
    response_format: format,
    temperature,
    top_p,
    max_completion_tokens,
  } = request
  return {
    ...(temperature !== undefined && { temperature }),
    ...(top_p !== undefined && { topP: top_p }),
    ...(max_completion_tokens !== undefined && { maxOutputTokens: max_completion_tokens }),
    ...(tools.length > 0 && {
      tools: tools.map(({ function: { name, description, parameters, strict } }) => ({
        type: 'function' as const,
        name,
        inputSchema: parameters as JSONSchema7,
        ...(description !== undefined && { description }),
        ...(strict === true && { strict }),
      })),
    }),
    ...(tools.length > 0 && tool_choice !== undefined && { toolChoice: toolChoiceOf(tool_choice) }),
    ...(format !== undefined && format.type !== 'text' && { responseFormat: formatOf(format) }),
  }
}

function toolChoiceOf(
  choice: NonNullable<ChatRequest['tool_choice']>,
): NonNullable<LanguageModelV3CallOptions['toolChoice']> {
  if (typeof choice === 'string') return { type: choice }
  return { type: 'tool', toolName: choice.function.name }
}

function formatOf(
  format: Exclude<NonNullable<ChatRequest['response_format']>, { type: 'text' }>,
): NonNullable<LanguageModelV3CallOptions['responseFormat']> {
  if (format.type === 'json_object') return { type: 'json' }
  const { name, description, schema } = format.json_schema
  return {
    type: 'json',
    name,
    ...(description !== undefined && { description }),
    ...(schema !== undefined && { schema: schema as JSONSchema7 }),
  }
}

/** The error of a call as a `ModelFailure`; after an abort, the signal's reason. */
function failureOf(error: unknown, { redact }: Driver, signal: AbortSignal): Error {
  if (signal.aborted) return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason))
  if (error instanceof ModelFailure) return error
  if (APICallError.isInstance(error)) {
    if (error.cause instanceof ModelFailure) return error.cause
    if (error.statusCode === undefined || error.statusCode < 400) {
      return brokenAnswer(redact(error.message), { mayRetry: error.isRetryable })
    }
    return statusFailure(
      error.statusCode,
      error.responseHeaders ?? {},
      error.responseBody ?? error.message,
      redact,
    )
  }
  const message = redact(error instanceof Error ? error.message : JSON.stringify(error))
  const isOverload = /overloaded|rate.?limit|unavailable/i.test(message)
  const mayRetry = isOverload || error instanceof TypeError
  return new UpstreamFailure('server_error', sorry, {
    cause: new Error(message),
    mayRetry,
    trouble: mayRetry ? 'outage' : undefined,
  })
}
