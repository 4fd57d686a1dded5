/** LM Studio: no `json_object`. */
import { Refused, type Provider } from './base.ts'

export const lmStudio: Provider = {
  name: 'lm-studio',
  check(body) {
    if (body.response_format !== undefined && !['json_schema', 'text'].includes(body.response_format.type)) {
      throw new Refused(400, { error: "'response_format.type' must be 'json_schema' or 'text'" })
    }
  },
}
