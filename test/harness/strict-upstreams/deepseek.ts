/** DeepSeek V4: reasoning must come back, and json_schema is not offered. */
import { refuse, type Provider } from './base.ts'

export const deepseek: Provider = {
  name: 'deepseek',
  messageExtras: (turn) => ({ reasoning_content: `thought ${turn}` }),
  check(body) {
    if (body.response_format?.type === 'json_schema') {
      refuse('This response_format type is unavailable now')
    }
    if (body.response_format?.type === 'json_object' && !/json/i.test(JSON.stringify(body.messages))) {
      refuse(
        "Prompt must contain the word 'json' in some form to use 'response_format' of type 'json_object'.",
      )
    }
    const assistants = body.messages.filter((message: any) => message.role === 'assistant')
    if (assistants.some((message: any) => typeof message.reasoning_content !== 'string')) {
      refuse('The `reasoning_content` in the thinking mode must be passed back to the API.', {
        code: 'invalid_request_error',
      })
    }
  },
}
