/** OpenAI's and Azure's o-series and gpt-5. */
import { refuse, type Provider } from './base.ts'

export const openaiReasoning: Provider = {
  name: 'openai-reasoning',
  check(body) {
    if ('max_tokens' in body) {
      refuse(
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        { param: 'max_tokens', code: 'unsupported_parameter' },
      )
    }
    if ('parallel_tool_calls' in body) {
      refuse("Unsupported parameter: 'parallel_tool_calls' is not supported with this model.", {
        param: 'parallel_tool_calls',
        code: 'unsupported_parameter',
      })
    }
    for (const field of ['temperature', 'top_p']) {
      if (!(field in body) || body[field] === 1) continue
      refuse(
        `Unsupported value: '${field}' does not support ${body[field]} with this model. Only the default (1) value is supported.`,
        { param: field, code: 'unsupported_value' },
      )
    }
  },
}
