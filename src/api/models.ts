/** Models, embeddings and chat completions, which are passed to the provider and only loosely checked. */
import { z } from 'zod'
import { errors } from './errors.ts'
import { at, addIssue, text } from './fields.ts'

export const Model = z.strictObject({
  id: z.string(),
  object: z.literal('model'),
  created: at,
  owned_by: z.string(),
})

/** The list of models has no pages. */
export const ModelList = z.strictObject({ object: z.literal('list'), data: z.array(Model) })

const maxInputs = 2048
const tokens = z.array(z.int({ error: 'an integer' }).min(0)).min(1)

/** Keys that are not listed are passed on as they are. */
export const EmbeddingsRequest = z.looseObject({
  model: text({ min: 1 }),
  input: z.union(
    [
      text({ min: 1 }),
      z
        .array(text({ min: 1 }))
        .min(1)
        .max(maxInputs),
      tokens,
      z.array(tokens).min(1).max(maxInputs),
    ],
    { error: 'one of a string or array' },
  ),
  encoding_format: z.enum(['float', 'base64']).default('float'),
  dimensions: z
    .int({ error: 'an integer' })
    .check(({ value, issues }) => {
      if (value < 1) addIssue(issues, value, (path) => errors.belowMinimum(path, 1, value))
    })
    .optional(),
  user: text().optional(),
})

export const Embedding = z.strictObject({
  object: z.literal('embedding'),
  index: z.int(),
  /** Numbers, or the same numbers as little-endian float32 in base64. */
  embedding: z.union([z.array(z.number()), z.string()]),
})
export const EmbeddingList = z.strictObject({
  object: z.literal('list'),
  data: z.array(Embedding),
  model: z.string(),
  usage: z.strictObject({ prompt_tokens: z.int(), total_tokens: z.int() }),
})

/** Everything but the model's name is checked by the provider. */
export const ChatCompletionsRequest = z.looseObject({
  model: text({ min: 1 }),
  messages: z.array(z.looseObject({ role: text({ min: 1 }) })).min(1),
  stream: z.boolean().nullish(),
})
