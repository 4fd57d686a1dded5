/** Mistral: 422 for fields that it does not know, with the list twice. */
import { Refused, type Provider } from './base.ts'

export const mistral: Provider = {
  name: 'mistral',
  check(body) {
    const unknown = ['stream_options', 'max_completion_tokens', 'reasoning_effort'].filter(
      (field) => field in body,
    )
    if (unknown.length === 0) return
    const detail = unknown.map((field) => ({
      type: 'extra_forbidden',
      loc: ['body', field],
      msg: 'Extra inputs are not permitted',
      input: body[field],
    }))
    throw new Refused(422, {
      object: 'error',
      message: { detail },
      type: 'invalid_request_error',
      code: 3001,
    })
  },
}
