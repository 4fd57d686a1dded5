/** Metadata: up to 16 pairs that a client may store with an object. */
import { z } from 'zod'
import { errors } from './errors.ts'
import { codePoints, addIssue, text } from './fields.ts'

const maxPairs = 16
const maxKeyLength = 64
const maxValueLength = 512

/** Metadata of an object: never null, keys in the order of the request. */
export const Metadata = z.record(z.string(), z.string()).meta({ maxProperties: maxPairs })

/** Metadata in a request; null is the same as `{}`. */
export const MetadataRequest = limited(z.record(z.string(), text({ max: maxValueLength }))).nullish()

/** Attributes of a file in a vector store: as metadata, with numbers and booleans too. */
export const Attributes = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
  .meta({ maxProperties: maxPairs })
export type Attributes = z.output<typeof Attributes>

export const AttributesRequest = limited(
  z.record(
    z.string(),
    z.union([text({ max: maxValueLength }), z.number(), z.boolean()], {
      error: 'one of a string, number, or boolean',
    }),
  ),
)

/** Counts the keys before it checks the values, because a hostile object may have a million. */
function limited<Values extends z.ZodRecord>(values: Values) {
  const { $schema: _, ...shape } = z.toJSONSchema(values)
  return z
    .unknown()
    .check(({ value, issues }) => limitKeys(value, issues))
    .pipe(values)
    .meta({ ...shape, propertyNames: { maxLength: maxKeyLength }, maxProperties: maxPairs })
}

function limitKeys(value: unknown, issues: z.core.$ZodRawIssue[]): void {
  if (typeof value !== 'object' || value === null) return
  const keys = Object.keys(value)
  if (keys.length > maxPairs) {
    addIssue(issues, value, (path) => errors.tooManyProperties(path, maxPairs, keys.length))
    return
  }
  for (const key of keys) {
    const length = codePoints(key)
    if (length <= maxKeyLength) continue
    addIssue(issues, value, (path) =>
      errors.propertyNameTooLong(path, key, { limit: maxKeyLength, value: length }),
    )
    return
  }
}
