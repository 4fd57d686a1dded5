/** vLLM before 0.6: refuses fields that it does not know, and `content: null`. */
import { Refused, type Provider } from './base.ts'

const known = new Set(
  'model messages tools tool_choice temperature top_p max_tokens stream response_format'.split(' '),
)

export const vllmOld: Provider = {
  name: 'vllm-old',
  check(body) {
    const extra = Object.keys(body).filter((field) => !known.has(field))
    const strict = (body.tools ?? []).some((tool: any) => 'strict' in tool.function)
    const nulls = body.messages.some((message: any) => message.content === null)
    const errors = [
      ...extra.map(
        (field) =>
          `{'type': 'extra_forbidden', 'loc': ('body', '${field}'), 'msg': 'Extra inputs are not permitted', 'input': {}}`,
      ),
      ...(strict
        ? [
            `{'type': 'extra_forbidden', 'loc': ('body', 'tools', 0, 'function', 'strict'), 'msg': 'Extra inputs are not permitted', 'input': True}`,
          ]
        : []),
      ...(nulls
        ? [
            `{'type': 'string_type', 'loc': ('body', 'messages', 1, 'content'), 'msg': 'Input should be a valid string', 'input': None}`,
          ]
        : []),
    ]
    if (errors.length === 0) return
    const message = `[${errors.join(', ')}]`
    throw new Refused(400, { object: 'error', message, type: 'BadRequestError', param: null, code: 400 })
  },
}
