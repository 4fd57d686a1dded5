/** The sixteen pairs that a client may hang on an object. */
import { z } from 'zod'
import { errors } from './errors.ts'
import { codePoints, complain, text } from './fields.ts'

const maxPairs = 16
const maxKeyLength = 64
const maxValueLength = 512

/** Metadata on an object: never null, keys in the order they were given. */
export const Metadata = z.record(z.string(), z.string()).meta({ maxProperties: maxPairs })
export type Metadata = z.output<typeof Metadata>

/** Metadata in a request; null is the same as `{}`. */
export const MetadataRequest = z
  .record(z.string(), text({ max: maxValueLength }))
  .check(limitKeys)
  .meta({ maxProperties: maxPairs })
  .nullish()

/** Attributes of a file in a vector store: as metadata, with numbers and booleans too. */
export const Attributes = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
  .meta({ maxProperties: maxPairs })
export type Attributes = z.output<typeof Attributes>

export const AttributesRequest = z
  .record(
    z.string(),
    z.union([text({ max: maxValueLength }), z.number(), z.boolean()], {
      error: 'one of a string, number, or boolean',
    }),
  )
  .check(limitKeys)
  .meta({ maxProperties: maxPairs })

function limitKeys({ value, issues }: { value: Record<string, unknown>; issues: z.core.$ZodRawIssue[] }) {
  const keys = Object.keys(value)
  if (keys.length > maxPairs) {
    complain(issues, value, (path) => errors.tooManyProperties(path, maxPairs, keys.length))
    return
  }
  for (const key of keys) {
    const length = codePoints(key)
    if (length <= maxKeyLength) continue
    complain(issues, value, (path) =>
      errors.propertyNameTooLong(path, key, { limit: maxKeyLength, value: length }),
    )
    return
  }
}
