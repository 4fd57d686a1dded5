/** llama.cpp: a grammar for the answer and tools exclude each other. */
import { Refused, type Provider } from './base.ts'

export const llamaCpp: Provider = {
  name: 'llama-cpp',
  check(body) {
    if (body.tools !== undefined && body.response_format !== undefined) {
      const message = 'Cannot use custom grammar constraints with tools.'
      throw new Refused(500, { error: { code: 500, message, type: 'server_error' } })
    }
  },
}
