/** Whether an answer is one that the description allows. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { SentEvent } from '../harness/read-stream.ts'
import type { Answer } from './exchange.ts'
import { readLegally } from './legal-order.ts'

/** What a request that the description calls right is never refused for. */
const shapeCodes: ReadonlySet<string> = new Set([
  'unknown_parameter',
  'invalid_type',
  'empty_string',
  'empty_array',
  'string_above_max_length',
  'array_above_max_length',
  'integer_above_max_value',
  'integer_below_min_value',
  'decimal_above_max_value',
  'decimal_below_min_value',
])

export interface Verdict {
  complaint?: string
  /** Objects that the answer showed. */
  shown: unknown[]
}

export class Judge {
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false })
  readonly #paths: { pattern: RegExp; operations: any }[]
  readonly #validators = new Map<string, ValidateFunction>()

  constructor(document: any) {
    this.#ajv.addSchema(document, 'spool')
    // What is spelled out comes before what has names, as routers and the standard have it.
    const paths = Object.entries<any>(document.paths).toSorted(([a], [b]) => namesIn(a) - namesIn(b))
    this.#paths = paths.map(([path, operations]) => ({
      pattern: new RegExp(`^${path.replace('{model}', '.+').replaceAll(/\{\w+\}/g, '[^/]*')}/?$`),
      operations,
    }))
  }

  /** `path` is what was sent, ids filled in. */
  judge(plan: { kind: string; method: string }, path: string, answer: Answer): Verdict {
    const { status, headers, body } = answer
    const shown: unknown[] = []
    const fail = (complaint: string): Verdict => ({ complaint, shown })
    if (status >= 500 || !(status >= 200)) return fail(`status ${status}`)
    if (!/^req_[0-9a-f]{32}$/.test(headers.get('x-request-id') ?? '')) return fail('no x-request-id')
    const type = headers.get('content-type') ?? ''
    if (status >= 400) return { ...this.#judgeError(plan, type, body), shown }
    if (plan.method === 'OPTIONS' || plan.method === 'HEAD') return { shown }
    const content = this.#contentOf(plan.method, path)
    if (!content) return fail(`status ${status} from a route that nobody described`)
    if (!type.startsWith('text/event-stream') && !answer.isWhole) return fail('half a body')
    if (type.startsWith('application/json')) {
      const value: unknown = JSON.parse(body)
      shown.push(value)
      const schema = content['application/json']?.schema
      if (schema) return { ...this.#check(schema.$ref, value), shown }
      return 'application/json' in content ? { shown } : fail('JSON that nobody described')
    }
    if (type.startsWith('text/event-stream')) {
      const schema = content['text/event-stream']?.schema
      // What a provider streams is its own.
      if (!schema) return 'text/event-stream' in content ? { shown } : fail('a stream that nobody described')
      return this.#judgeStream(schema.$ref, path, answer)
    }
    const described = Object.keys(content).map((one) => one.replace('*', ''))
    return described.some((one) => type.startsWith(one)) ? { shown } : fail(`content of type '${type}'`)
  }

  #contentOf(method: string, path: string): any {
    // Doubled slashes count as one.
    const bare = (path.split('?')[0] ?? '').replaceAll(/\/{2,}/g, '/')
    const found = this.#paths.filter(({ pattern }) => pattern.test(bare))
    const operations = found
      .map((one) => one.operations[method.toLowerCase()])
      .find((one) => one !== undefined)
    return operations?.responses['200']?.content
  }

  #judgeError(
    { kind, method }: { kind: string; method: string },
    type: string,
    body: string,
  ): { complaint?: string } {
    if (method === 'HEAD') return {}
    if (!type.startsWith('application/json'))
      return { complaint: `an error of type '${type}': ${body.slice(0, 200)}` }
    const error = JSON.parse(body)
    const verdict = this.#check('#/components/schemas/Error', error)
    if (verdict.complaint) return verdict
    const { code } = error.error
    return kind === 'right' && shapeCodes.has(code)
      ? { complaint: `a right request is refused: ${body}` }
      : {}
  }

  #judgeStream(ref: string, path: string, { body, isWhole }: Answer): Verdict {
    const events = eventsOf(body)
    for (const event of events) {
      const verdict = this.#check(ref, event)
      if (verdict.complaint) return { ...verdict, shown: [] }
    }
    const shown = events.map(({ data }) => data)
    if (/\/events(\?|$)/.test(path)) return { shown }
    if (!isWhole) return { complaint: 'half a stream', shown }
    const { complaint } = readLegally(events)
    return complaint === undefined ? { shown } : { complaint, shown }
  }

  #check(ref: string, value: unknown): { complaint?: string } {
    const known = this.#validators.get(ref)
    const isRight = known ?? this.#ajv.compile({ $ref: `spool${ref}` })
    this.#validators.set(ref, isRight)
    if (isRight(value)) return {}
    return {
      complaint: `not a ${ref}: ${JSON.stringify(isRight.errors)} ${JSON.stringify(value).slice(0, 2000)}`,
    }
  }
}

function namesIn(path: string): number {
  return path.split('{').length
}

/** Whole events of a stream that may have been left before its end. */
function eventsOf(body: string): SentEvent[] {
  const blocks = body.split('\n\n').slice(0, -1)
  return blocks.flatMap((block) => {
    const [, event = '', data = ''] = /(?:^|\n)event: (.*)\ndata: (.*)$/s.exec(block) ?? []
    if (event === '') throw new Error(`no event: ${block.slice(0, 200)}`)
    return [{ event, data: data === '[DONE]' ? data : JSON.parse(data) }]
  })
}
