/** Gemini's compatible endpoint: signatures must come back, few schema words are known, deltas have no index. */
import { Refused, schemaPaths, type Provider } from './base.ts'

const known = new Set([
  'type',
  'properties',
  'required',
  'description',
  'enum',
  'items',
  'nullable',
  'anyOf',
  'title',
])

function refuse(message: string): never {
  throw new Refused(400, [{ error: { code: 400, message, status: 'INVALID_ARGUMENT' } }])
}

export const gemini: Provider = {
  name: 'gemini',
  finishAfterCalls: 'stop',
  callExtras: (turn) => ({ extra_content: { google: { thought_signature: `sig-${turn}` } } }),
  frame(frame) {
    for (const call of frame.choices[0].delta.tool_calls ?? []) delete call.index
    return frame
  },
  check(body) {
    const unknown = schemaPaths(body).filter((path) => !known.has(path.split('/').at(-1) ?? ''))
    if (unknown.length > 0) {
      const lines = unknown.map((path) => {
        const name = path.split('/').at(-1)
        return `Unknown name "${name}" at 'tools[0].function_declarations[0].parameters': Cannot find field.`
      })
      refuse(`Invalid JSON payload received. ${lines.join('\nInvalid JSON payload received. ')}`)
    }
    for (const [position, message] of body.messages.entries()) {
      const [call] = message.tool_calls ?? []
      if (!call) continue
      const signature = call.extra_content?.google?.thought_signature
      if (signature === call.id.replace('call_', 'sig-') || signature === 'skip_thought_signature_validator')
        continue
      refuse(
        'Function call is missing a thought_signature in functionCall parts. This is required for tools to work ' +
          'correctly, and missing thought_signature may lead to degraded model performance. Additional data, function ' +
          `call \`default_api:${call.function.name}\` , position ${position}.`,
      )
    }
  },
}
