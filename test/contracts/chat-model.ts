/** What every chat model must do, whichever driver it is. A driver's test opens it and calls this. */
import { describe, expect, test } from 'vitest'
import type { ChatModel, ChatRequest, ModelPart } from '../../src/models/port.ts'
import { ModelFailure } from '../../src/models/port.ts'

/** A driver, with the ways to make it do what a scenario needs. */
export interface ChatModelUnderTest {
  chat: ChatModel
  model: string
  /** A request that is answered with at least `words` words, slowly enough to be aborted. */
  text: (words: number) => ChatRequest
  /** A request that is answered with these calls in one turn; undefined when the model cannot be made to. */
  calls?: (calls: { name: string; arguments: object }[]) => ChatRequest
  /** A request that fails; undefined when the model cannot be made to. */
  failing?: () => ChatRequest
  /** Resolves when the model has stopped the work on an aborted call. */
  stopped: () => Promise<void>
}

export function chatModelContract(
  name: string,
  open: () => ChatModelUnderTest | Promise<ChatModelUnderTest>,
): void {
  describe(`${name} keeps the contract of a chat model`, () => {
    test('text comes in several parts and ends once, with usage', async () => {
      const { chat, text } = await open()
      const parts = await collect(chat.stream(text(6), neverAborted()))
      expect(parts.filter(({ type }) => type === 'text-delta').length).toBeGreaterThan(1)
      expect(disorder(parts)).toEqual([])
      const end = parts.at(-1)
      expect(end).toMatchObject({ type: 'end', finish_reason: 'stop' })
      if (end?.type !== 'end') throw new Error('no end')
      for (const count of Object.values(end.usage)) expect(Number.isSafeInteger(count)).toBe(true)
      expect(end.usage.prompt_tokens).toBeGreaterThan(0)
      expect(end.usage.completion_tokens).toBeGreaterThan(0)
    })

    test('two answers at the same time get their own text', async () => {
      const { chat, text } = await open()
      const request = text(6)
      const both = await Promise.all([
        collect(chat.stream(request, neverAborted())),
        collect(chat.stream(request, neverAborted())),
      ])
      for (const parts of both) expect(disorder(parts)).toEqual([])
      expect(textOf(both[0])).toBe(textOf(both[1]))
    })

    test('a call with an aborted signal throws its reason and sends no request', async () => {
      const { chat, text } = await open()
      const reason = new Error('called off before')
      await expect(collect(chat.stream(text(3), AbortSignal.abort(reason)))).rejects.toBe(reason)
    })

    test('a call that is aborted half-way throws the reason and the work stops', async () => {
      const { chat, text, stopped } = await open()
      const reason = new Error('called off half-way')
      const controller = new AbortController()
      const parts: ModelPart[] = []
      const reading = async () => {
        for await (const part of chat.stream(text(200), controller.signal)) {
          parts.push(part)
          controller.abort(reason)
        }
      }
      await expect(reading()).rejects.toBe(reason)
      expect(parts).toHaveLength(1)
      await stopped()
    })

    test('the work stops when the reader stops reading', async () => {
      const { chat, text, stopped } = await open()
      for await (const part of chat.stream(text(200), neverAborted())) {
        expect(part.type).toBe('text-delta')
        break
      }
      await stopped()
    })

    test('the call after an aborted call gets a complete answer', async () => {
      const { chat, text } = await open()
      const controller = new AbortController()
      const reading = async () => {
        for await (const _ of chat.stream(text(200), controller.signal)) controller.abort()
      }
      await expect(reading()).rejects.toThrow(/abort/i)
      expect((await collect(chat.stream(text(3), neverAborted()))).at(-1)).toMatchObject({
        finish_reason: 'stop',
      })
    })

    test('parallel calls are numbered in order, with complete arguments and unique ids', async (context) => {
      const { chat, calls } = await open()
      if (calls === undefined) return context.skip()
      const wanted = [
        { name: 'get_weather', arguments: { city: 'Zürich – "am See"\n', days: 3 } },
        { name: 'get_time', arguments: {} },
      ]
      const parts = await collect(chat.stream(calls(wanted), neverAborted()))
      expect(disorder(parts)).toEqual([])
      expect(
        callsOf(parts).map((call) => ({ name: call.name, arguments: JSON.parse(call.arguments) })),
      ).toEqual(wanted)
      expect(new Set(callsOf(parts).map(({ id }) => id)).size).toBe(2)
      expect(parts.at(-1)).toMatchObject({ type: 'end', finish_reason: 'tool_calls' })
    })

    test('max_completion_tokens ends the answer with finish reason length', async () => {
      const { chat, text } = await open()
      const parts = await collect(chat.stream({ ...text(50), max_completion_tokens: 3 }, neverAborted()))
      expect(parts.at(-1)).toMatchObject({ type: 'end', finish_reason: 'length' })
    })

    test('a failure is thrown as a ModelFailure with a message', async (context) => {
      const { chat, failing } = await open()
      if (failing === undefined) return context.skip()
      const failure = await collect(chat.stream(failing(), neverAborted())).catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(ModelFailure)
      expect((failure as ModelFailure).message).not.toBe('')
    })
  })
}

export async function collect(stream: AsyncIterable<ModelPart>): Promise<ModelPart[]> {
  const parts: ModelPart[] = []
  for await (const part of stream) parts.push(part)
  return parts
}

export function textOf(parts: ModelPart[]): string {
  return parts.map((part) => (part.type === 'text-delta' ? part.text : '')).join('')
}

export function callsOf(parts: ModelPart[]): { id: string; name: string; arguments: string }[] {
  const calls: { id: string; name: string; arguments: string }[] = []
  for (const part of parts) {
    if (part.type === 'tool-call-start') calls[part.index] = { id: part.id, name: part.name, arguments: '' }
    if (part.type === 'tool-call-delta') calls[part.index]!.arguments += part.arguments
  }
  return calls
}

export function neverAborted(): AbortSignal {
  return new AbortController().signal
}

/**
 * What is wrong with the order of parts: calls are numbered 0, 1, 2 …, deltas follow their start, nothing is empty,
 * no id comes twice, and there is one end, the last.
 */
export function disorder(parts: ModelPart[]): string[] {
  const wrong: string[] = []
  const ids: string[] = []
  for (const [place, part] of parts.entries()) {
    const isLast = place === parts.length - 1
    if ((part.type === 'end') !== isLast) wrong.push(`${part.type} is part ${place + 1} of ${parts.length}`)
    if (part.type === 'tool-call-start') {
      if (part.index !== ids.length) wrong.push(`call ${ids.length} is numbered ${part.index}`)
      if (part.id === '' || part.name === '') wrong.push('a call without id or name')
      if (ids.includes(part.id)) wrong.push(`the id ${part.id} came twice`)
      ids.push(part.id)
    }
    if (part.type === 'tool-call-delta') {
      if (part.index >= ids.length) wrong.push(`arguments for call ${part.index}, which has not begun`)
      if (part.arguments === '') wrong.push('empty arguments')
    }
    if ('text' in part && part.text === '') wrong.push('empty text')
  }
  return wrong
}
