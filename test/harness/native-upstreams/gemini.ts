/** Gemini's own API: signatures of thoughts, one response for each call, and schema words that it does not know. */
import { argumentsOf, planned, Refused, schemaHas, type NativeProvider } from './base.ts'

export const geminiKey = 'gemini-key'

function refuse(message: string): never {
  throw new Refused(400, { error: { code: 400, message, status: 'INVALID_ARGUMENT' } })
}

export const gemini: NativeProvider = {
  check(body, request) {
    if (request.headers['x-goog-api-key'] !== geminiKey) {
      throw new Refused(400, {
        error: {
          code: 400,
          message: 'API key not valid. Please pass a valid API key.',
          status: 'INVALID_ARGUMENT',
        },
      })
    }
    if (!/^\/v1beta\/models\/[\w.-]+:streamGenerateContent\?alt=sse$/.test(request.url ?? ''))
      refuse(`no such method: ${request.url}`)
    for (const keyword of ['$schema', 'exclusiveMinimum', 'additionalProperties']) {
      if (schemaHas(body.tools, keyword)) refuse(`Invalid JSON payload received. Unknown name "${keyword}"`)
    }
    if (body.contents[0]?.role !== 'user')
      refuse('Please ensure that multiturn requests begin with a user turn.')
    for (const [index, { role, parts }] of body.contents.entries())
      checkTurn(body.contents, index, { role, parts })
  },
  *answer(body) {
    const names =
      body.tools && body.toolConfig?.functionCallingConfig?.mode !== 'NONE'
        ? planned(question(body), turnsDone(body))
        : []
    const isJson = body.generationConfig?.responseMimeType === 'application/json'
    yield frame([{ text: 'I think.', thought: true }])
    for (const piece of (names.length > 0
      ? 'I will look.'
      : isJson
        ? '{"answer":"done"}'
        : 'All done.'
    ).split(/(?<= )/))
      yield frame([{ text: piece }])
    if (names.length > 0) {
      yield frame(
        names.map((name, index) => ({
          functionCall: { name, args: argumentsOf(name) },
          ...(index === 0 && { thoughtSignature: `signature-${name}` }),
        })),
      )
    }
    yield `data: ${JSON.stringify({
      candidates: [{ content: { role: 'model', parts: [{ text: '' }] }, finishReason: 'STOP', index: 0 }],
      usageMetadata: {
        promptTokenCount: 12,
        candidatesTokenCount: 7,
        thoughtsTokenCount: 3,
        totalTokenCount: 22,
        cachedContentTokenCount: 4,
      },
    })}`
  },
}

function frame(parts: object[]): string {
  return `data: ${JSON.stringify({ candidates: [{ content: { role: 'model', parts }, index: 0 }] })}`
}

function checkTurn(contents: any[], index: number, { role, parts }: any): void {
  const calls = parts.filter((part: any) => part.functionCall)
  if (role !== 'model' || calls.length === 0) return
  const [first] = calls
  const isSigned = [`signature-${first.functionCall.name}`, 'skip_thought_signature_validator'].includes(
    first.thoughtSignature,
  )
  if (!isSigned)
    refuse(`Function call ${first.functionCall.name} is missing a thought_signature in functionCall parts.`)
  const answers = (contents[index + 1]?.parts ?? []).filter((part: any) => part.functionResponse)
  if (answers.length !== calls.length) {
    refuse(
      'Please ensure that the number of function response parts is equal to the number of function call parts.',
    )
  }
}

function isQuestion(content: any): boolean {
  return content.role === 'user' && content.parts.some((part: any) => part.text !== undefined)
}

function question({ contents }: any): string {
  return contents
    .findLast(isQuestion)
    ?.parts.map((part: any) => part.text ?? '')
    .join(' ')
}

function turnsDone({ contents }: any): number {
  const start = contents.findLastIndex(isQuestion)
  return contents.slice(start).filter((content: any) => content.role === 'model').length
}
