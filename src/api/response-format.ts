/** `response_format`: what the model's text must look like. */
import { z } from 'zod'
import { anyObject, text } from './fields.ts'

export const functionName = text({ min: 1, max: 64, pattern: /^[a-zA-Z0-9_-]+$/ })

/** As a client may send it. */
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

/** As it is echoed: every key of `json_schema` present. */
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

/** Fills what the live service fills, keys in wire order. */
export function expandResponseFormat(requested: ResponseFormatRequest): ResponseFormat {
  if (requested === 'auto' || requested.type !== 'json_schema') return requested
  const { name, description, schema, strict } = requested.json_schema
  return {
    type: 'json_schema',
    json_schema: { name, description: description ?? null, schema: schema ?? {}, strict: strict ?? false },
  }
}
