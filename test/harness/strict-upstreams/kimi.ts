/** Kimi: ids of calls with dots and colons, and reasoning that must come back. */
import { refuse, type Provider } from './base.ts'

export const kimi: Provider = {
  name: 'kimi',
  messageExtras: (turn) => ({ reasoning_content: `thought ${turn}` }),
  callId: (turn, name) => `functions.${name}:${turn}`,
  check({ messages }) {
    const [first] = messages.filter(
      (message: any) => message.tool_calls && typeof message.reasoning_content !== 'string',
    )
    if (first) {
      refuse('thinking is enabled but reasoning_content is missing in assistant tool call message', {
        code: 'invalid_request_error',
      })
    }
  },
}
