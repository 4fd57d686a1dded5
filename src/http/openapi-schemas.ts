/** The zod schemas as JSON Schema, for the components of the OpenAPI document. */
import { z } from 'zod'
import { answers, requests, type AnswerName, type RequestName } from '../api/components.ts'

export type JsonSchema = Record<string, unknown>

/** A reference to a named schema. */
export function refTo(name: RequestName | AnswerName): JsonSchema {
  return { $ref: `#/components/schemas/${name}` }
}

/** All named schemas: requests as they are sent, answers as they are received. */
export function componentSchemas(): Record<string, JsonSchema> {
  return { ...named(requests, 'input'), ...named(answers, 'output') }
}

/** The fields of an object that is not sent as JSON: a query, headers, a form. */
export function fieldsOf(schema: z.ZodType): { properties: Record<string, JsonSchema>; required: string[] } {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input', override: plain })
  return { properties: properties as Record<string, JsonSchema>, required }
}

function named(schemas: Record<string, z.ZodType>, io: 'input' | 'output'): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id })
  const uri = (id: string) => `#/components/schemas/${id}`
  const converted = z.toJSONSchema(registry, { io, uri, override: plain }).schemas
  return Object.fromEntries(
    Object.entries(converted).map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema]),
  )
}

/** Removes the limits that zod adds to every integer: they are limits of JavaScript numbers, not of the field. */
function plain({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
}
