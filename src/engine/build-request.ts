/** Builds the request to the model from run and thread, and shortens it where it is too long. */
import type { Message } from '../api/messages.ts'
import type { ToolChoice } from '../api/tools.ts'
import type { OwnedRun } from '../runs/owned-run.ts'
import { countTokens } from '../util/count-tokens.ts'
import { tokensPerImage, tokensPerMessage } from '../models/count-tokens.ts'
import type { ResolvedModel } from '../models/open.ts'
import type { ChatRequest, ChatResponseFormat, ChatToolChoice } from '../models/port.ts'
import { messagesAfter, newestMessages, type ThreadMessage } from '../sql/messages.ts'
import type { Queryable } from '../database/database.ts'
import { stepsOfThread, type RecordedTurn } from '../sql/run-steps.ts'
import type { RunSettings } from '../sql/runs.ts'
import type { OfferedTool } from '../tools/port.ts'
import { nowSeconds, type Clock } from '../util/clock.ts'
import { conversation, findingsOf, type DraftMessage, type Exchange } from './conversation.ts'
import { RunFailure } from './failure.ts'
import { withImages, type LoadImage } from './images.ts'
import type { LeftOut } from './trace-work.ts'
import type { Findings } from './turn-writer.ts'
import { dropFromMiddle, lastMessages, type Shortened } from './truncate.ts'

export interface RequestDependencies {
  db: Queryable
  clock: Clock
  loadImage: LoadImage
}

export interface RequestParts {
  model: ResolvedModel
  offered: readonly OfferedTool[]
  /** The turn before, if it called unknown functions only. */
  unrecorded: RecordedTurn | undefined
  /** A forced tool choice holds for the first turn only, or the run would call it endlessly. */
  isFirstTurn: boolean
  completionLeft: number | undefined
  promptLeft: number | undefined
  /** All messages of the thread, where it was created with the run and this is the first turn. */
  newThread: readonly Message[] | undefined
}

/** Tokens that are kept free for the answer where the run has no budget for it. */
const answerReserve = 4096
const pageSize = 500
/** Hardly any text has more characters per token. Messages that would not fit at this rate are not loaded. */
const charactersPerToken = 32
/** The most messages that a trace names as left out. */
const tracedMessages = 100

export async function buildRequest(
  { db, clock, loadImage }: RequestDependencies,
  run: OwnedRun,
  parts: RequestParts,
): Promise<{ request: ChatRequest; findings: Findings; left_out: LeftOut } | 'prompt_too_long'> {
  const { settings } = run.row
  const { offered, model, completionLeft } = parts
  const system = systemText(settings, offered)
  // The request without the messages of the thread.
  const frame: ChatRequest = {
    model: model.model,
    messages: system === '' ? [] : [{ role: 'system', content: system }],
    ...toolFields(settings, parts),
    ...(settings.temperature !== null && { temperature: settings.temperature }),
    ...(settings.top_p !== null && { top_p: settings.top_p }),
    ...(settings.reasoning_effort && { reasoning_effort: settings.reasoning_effort }),
    ...responseFormat(settings),
    ...(completionLeft !== undefined && { max_completion_tokens: completionLeft }),
  }
  const { exchanges, findings } = await loadThread(db, run, parts)
  const shortened = await shorten(exchanges, frame, settings, parts)
  if (shortened === 'prompt_too_long') return shortened
  const count = shortened.dropped.length
  const ids = shortened.dropped.slice(-tracedMessages).map((one) => one.id)
  if (count > 0) run.trace({ at: nowSeconds(clock), kind: 'truncated', count, dropped: ids })
  const kept = shortened.kept.flatMap((one) => one.messages)
  const messages = [...frame.messages, ...(await withImages(loadImage, run.row.project, kept))]
  return { request: { ...frame, messages }, findings, left_out: { count, ids } }
}

function systemText(settings: RunSettings, offered: readonly OfferedTool[]): string {
  const preambles = offered.flatMap((tool) => tool.preamble ?? [])
  return [settings.instructions ?? '', ...preambles].filter((text) => text !== '').join('\n\n')
}

function toolFields(settings: RunSettings, { offered, isFirstTurn }: RequestParts): Partial<ChatRequest> {
  if (offered.length === 0) return {}
  return {
    tools: offered.map((tool) => tool.chat),
    ...chatToolChoice(settings.tool_choice, offered, isFirstTurn),
    // The default of models is true, and some refuse the field.
    ...(!settings.parallel_tool_calls && { parallel_tool_calls: false }),
  }
}

/** No field for `auto`, which is the default of models. */
function chatToolChoice(
  choice: ToolChoice,
  offered: readonly OfferedTool[],
  isFirstTurn: boolean,
): { tool_choice?: ChatToolChoice } {
  if (choice === 'none') return { tool_choice: 'none' }
  if (choice === 'auto' || !isFirstTurn) return {}
  if (choice === 'required' || choice.type === 'function') return { tool_choice: choice }
  const tool = offered.find((one) => one.type === choice.type)
  if (!tool) throw new Error(`expected the run to have the tool ${choice.type}`)
  return { tool_choice: { type: 'function', function: { name: tool.chat.function.name } } }
}

function responseFormat(settings: RunSettings): { response_format?: ChatResponseFormat } {
  const format = settings.response_format
  if (format === 'auto' || format.type === 'text') return {}
  if (format.type === 'json_object') return { response_format: format }
  const { name, description, schema, strict } = format.json_schema
  return {
    response_format: {
      type: 'json_schema',
      json_schema: { name, ...(description !== null && { description }), schema, strict },
    },
  }
}

async function loadThread(
  db: Queryable,
  run: OwnedRun,
  { unrecorded, model, newThread, promptLeft = Infinity }: RequestParts,
): Promise<{ exchanges: Exchange[]; findings: Findings }> {
  const { thread_id, id, settings } = run.row
  const reader = { run_id: id, origins: model.origins, unrecorded }
  if (newThread) {
    const all = newThread.map((message, seq) => ({ ...message, seq }))
    return { exchanges: conversation(all, [], reader), findings: findingsOf([], id) }
  }
  const strategy = settings.truncation_strategy
  const wanted = strategy.type === 'last_messages' ? (strategy.last_messages ?? Infinity) : Infinity
  const messages = await loadMessages(db, thread_id, {
    wanted,
    limit: Math.min(promptLeft, model.context_window),
  })
  const steps = await stepsOfThread(db, thread_id, messages[0]?.seq ?? 0)
  // Messages are left out from the middle, so the first message of the thread is always needed.
  const [first] = messages.length < pageSize ? [] : await messagesAfter(db, thread_id, { seq: 0, limit: 1 })
  if (first && first.id !== messages[0]?.id) messages.unshift(first)
  const exchanges = conversation(messages, steps, reader)
  return { exchanges, findings: findingsOf(steps, id) }
}

/** The newest messages, oldest first: all of them, or at least as many as the run may use. */
async function loadMessages(
  db: Queryable,
  thread_id: string,
  { wanted, limit }: { wanted: number; limit: number },
): Promise<ThreadMessage[]> {
  const messages: ThreadMessage[] = []
  let least = 0
  for (;;) {
    const [oldest] = messages
    const page = await newestMessages(db, thread_id, {
      limit: pageSize,
      ...(oldest && { beforeSeq: oldest.seq }),
    })
    messages.unshift(...page)
    for (const message of page) least += leastWeight(message)
    if (page.length < pageSize || messages.length > wanted + pageSize || least > limit) return messages
  }
}

function leastWeight({ content }: ThreadMessage): number {
  const characters = content.reduce(
    (sum, part) => sum + (part.type === 'text' ? part.text.value.length : 0),
    0,
  )
  return tokensPerMessage + characters / charactersPerToken
}

async function shorten(
  exchanges: Exchange[],
  frame: ChatRequest,
  settings: RunSettings,
  parts: RequestParts,
): Promise<Shortened | 'prompt_too_long'> {
  const strategy = settings.truncation_strategy
  const count = strategy.type === 'last_messages' ? strategy.last_messages : null
  const selected = count === null ? { kept: exchanges, dropped: [] } : lastMessages(exchanges, count)
  const { model, promptLeft = Infinity, completionLeft = answerReserve } = parts
  const reserve = Math.min(completionLeft, Math.floor(model.context_window / 4))
  const limit = Math.min(promptLeft, model.context_window - reserve)
  // A token of text has at least one byte, so a conversation with fewer bytes than the limit fits.
  const atMost =
    Buffer.byteLength(JSON.stringify([frame, selected.kept])) + tokensPerImage * countImages(selected.kept)
  if (atMost < limit) return selected
  const frameWeight = (await weigh(frame.messages)) + (await countTokens(JSON.stringify(frame.tools ?? '')))
  const weights = new Map<Exchange, number>()
  for (const one of selected.kept) weights.set(one, await weigh(one.messages))
  const fitted = dropFromMiddle(selected.kept, limit - frameWeight, (one) => weights.get(one) ?? 0)
  if (fitted) return { kept: fitted.kept, dropped: [...selected.dropped, ...fitted.dropped] }
  if (limit === promptLeft) return 'prompt_too_long'
  const isOutput = selected.kept.at(-1)?.messages.at(-1)?.role === 'tool'
  const subject = isOutput ? 'The tool outputs of this run' : 'The newest message'
  throw new RunFailure(
    'invalid_prompt',
    `${subject} and the instructions are longer than the model's context of ${model.context_window} tokens.`,
  )
}

function countImages(exchanges: readonly Exchange[]): number {
  const parts = exchanges
    .flatMap((one) => one.messages)
    .flatMap((message) => (Array.isArray(message.content) ? message.content : []))
  return parts.filter((part) => part.type !== 'text').length
}

async function weigh(messages: readonly DraftMessage[]): Promise<number> {
  let weight = 0
  for (const message of messages) {
    weight += tokensPerMessage
    if (typeof message.content === 'string') weight += await countTokens(message.content)
    else {
      for (const part of message.content ?? []) {
        weight += part.type === 'text' ? await countTokens(part.text) : tokensPerImage
      }
    }
    if (message.role === 'assistant') {
      weight += await countTokens(message.extras ?? '')
      if (message.tool_calls) weight += await countTokens(JSON.stringify(message.tool_calls))
    }
  }
  return weight
}
