/** Checks JSON schemas that users write. The validator interprets schemas; it makes no code, which the page forbids. */
import { Validator, type Schema } from '@cfworker/json-schema'

/** The part of draft 2020-12 that function parameters and response formats use. */
const metaSchema: Schema = {
  $id: 'https://spool.invalid/schema',
  type: ['object', 'boolean'],
  properties: {
    type: {
      anyOf: [
        { $ref: '#/$defs/type' },
        { type: 'array', items: { $ref: '#/$defs/type' }, minItems: 1, uniqueItems: true },
      ],
    },
    title: { type: 'string' },
    description: { type: 'string' },
    properties: { type: 'object', additionalProperties: { $ref: '#' } },
    required: { type: 'array', items: { type: 'string' }, uniqueItems: true },
    additionalProperties: { $ref: '#' },
    items: { $ref: '#' },
    prefixItems: { type: 'array', items: { $ref: '#' } },
    enum: { type: 'array', minItems: 1 },
    anyOf: { type: 'array', minItems: 1, items: { $ref: '#' } },
    oneOf: { type: 'array', minItems: 1, items: { $ref: '#' } },
    allOf: { type: 'array', minItems: 1, items: { $ref: '#' } },
    not: { $ref: '#' },
    $defs: { type: 'object', additionalProperties: { $ref: '#' } },
    definitions: { type: 'object', additionalProperties: { $ref: '#' } },
    $ref: { type: 'string' },
    pattern: { type: 'string', format: 'regex' },
    format: { type: 'string' },
    minimum: { type: 'number' },
    maximum: { type: 'number' },
    minLength: { type: 'integer', minimum: 0 },
    maxLength: { type: 'integer', minimum: 0 },
    minItems: { type: 'integer', minimum: 0 },
    maxItems: { type: 'integer', minimum: 0 },
  },
  $defs: { type: { enum: ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'] } },
}

const functionSchema: Schema = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string', pattern: '^[a-zA-Z0-9_-]{1,64}$' },
    description: { type: 'string' },
    strict: { type: ['boolean', 'null'] },
    parameters: { $ref: '#/$defs/parameters' },
  },
  additionalProperties: false,
  $defs: { parameters: { type: 'object' } },
}

const formatSchema: Schema = {
  type: 'object',
  required: ['name', 'schema'],
  properties: {
    name: { type: 'string', pattern: '^[a-zA-Z0-9_-]{1,64}$' },
    description: { type: ['string', 'null'] },
    strict: { type: ['boolean', 'null'] },
    schema: { type: 'object' },
  },
  additionalProperties: false,
}

/** What is wrong with a function that a model may call, or undefined. */
export function functionFault(value: unknown): string | undefined {
  return (
    faultOf(functionSchema, value) ??
    schemaFault((value as { parameters?: unknown }).parameters, 'parameters')
  )
}

/** The same for the `json_schema` of a response format. */
export function formatFault(value: unknown): string | undefined {
  return faultOf(formatSchema, value) ?? schemaFault((value as { schema?: unknown }).schema, 'schema')
}

function schemaFault(schema: unknown, place: string): string | undefined {
  if (schema === undefined) return undefined
  const fault = faultOf(metaSchema, schema)
  return fault === undefined ? undefined : `${place}${fault.startsWith('#') ? fault.slice(1) : `: ${fault}`}`
}

/** What is wrong with a value by a schema: where and why, or undefined. */
export function faultOf(schema: Schema, value: unknown): string | undefined {
  const { valid, errors } = new Validator(schema, '2020-12', true).validate(value)
  if (valid) return undefined
  const deepest = errors.toSorted(
    (one, other) => depth(other.instanceLocation) - depth(one.instanceLocation),
  )[0]
  return deepest ? `${deepest.instanceLocation}: ${deepest.error}` : 'This does not fit.'
}

function depth(location: string): number {
  return location.split('/').length
}
