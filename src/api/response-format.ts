/** `response_format`: the form of the model's answer. */
import { z } from 'zod'
import { anyObject, text } from './fields.ts'

export const functionName = text({ min: 1, max: 64, pattern: /^[a-zA-Z0-9_-]+$/ })

/** In a request. */
export const ResponseFormatRequest = z.union(
  [
    z.literal('auto'),
    z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal('json_object') }),
      z.strictObject({
        type: z.literal('json_schema'),
        json_schema: z.strictObject({
          name: functionName,
          description: text().nullish(),
          schema: anyObject.optional(),
          strict: z.boolean().nullish(),
        }),
      }),
      z.strictObject({ type: z.literal('text') }),
    ]),
  ],
  { error: 'one of a string or object' },
)
export type ResponseFormatRequest = z.output<typeof ResponseFormatRequest>

/** In an answer: every key of `json_schema` is present. */
export const ResponseFormat = z.union([
  z.literal('auto'),
  z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('text') }),
    z.strictObject({ type: z.literal('json_object') }),
    z.strictObject({
      type: z.literal('json_schema'),
      json_schema: z.strictObject({
        name: z.string(),
        description: z.string().nullable(),
        schema: anyObject,
        strict: z.boolean(),
      }),
    }),
  ]),
])
export type ResponseFormat = z.output<typeof ResponseFormat>

/** Applies the defaults of the live service, keys in wire order. */
export function expandResponseFormat(requested: ResponseFormatRequest): ResponseFormat {
  if (requested === 'auto' || requested.type !== 'json_schema') return requested
  const { name, description, schema, strict } = requested.json_schema
  return {
    type: 'json_schema',
    json_schema: { name, description: description ?? null, schema: schema ?? {}, strict: strict ?? false },
  }
}
