/** Groq: some schema words are refused, reasoning may not come back, and JSON mode excludes tools. */
import { refuse, schemaPaths, type Provider } from './base.ts'

const refusedWords = ['minItems', 'maxItems', 'exclusiveMinimum']

export const groq: Provider = {
  name: 'groq',
  messageExtras: (turn) => ({ reasoning: `thought ${turn}` }),
  check(body) {
    for (const [index, message] of body.messages.entries()) {
      for (const field of ['reasoning', 'reasoning_content']) {
        if (!(field in message)) continue
        const place = `'messages.${index}'`
        refuse(
          `${place} : for 'role:assistant' the following must be satisfied[(${place} : property '${field}' is unsupported)]`,
        )
      }
    }
    for (const path of schemaPaths(body)) {
      const word = path.split('/').at(-1) ?? ''
      if (!refusedWords.includes(word)) continue
      refuse(
        `invalid JSON schema for tool f, ${path.slice(0, path.lastIndexOf('/'))}: ${word} is not supported`,
      )
    }
    if (body.tools !== undefined && body.response_format?.type === 'json_object') {
      refuse('json mode cannot be combined with tool/function calling')
    }
  },
}
