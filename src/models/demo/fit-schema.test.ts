import { expect, test } from 'vitest'
import { fitSchema, SchemaTooLarge } from './fit-schema.ts'

const fits: [string, unknown, unknown][] = [
  ['a string says the text', { type: 'string' }, 'text'],
  ['a short string is cut', { type: 'string', maxLength: 2 }, 'te'],
  ['a long string is filled', { type: 'string', minLength: 6 }, 'text..'],
  ['a format has its form', { type: 'string', format: 'date' }, '2024-01-01'],
  ['an enum gives its first', { enum: ['x', 'y'] }, 'x'],
  ['a const is itself', { const: 7 }, 7],
  ['an integer keeps its bounds', { type: 'integer', minimum: 3.5, maximum: 9 }, 4],
  ['an exclusive bound is left out', { type: 'integer', exclusiveMinimum: 3 }, 4],
  ['a number below zero', { type: 'number', maximum: -2 }, -2],
  ['a multiple', { type: 'integer', minimum: 10, multipleOf: 7 }, 14],
  ['a fraction between close bounds', { type: 'number', minimum: 0.2, maximum: 0.4 }, 0.30000000000000004],
  ['a nullable type takes the value', { type: ['string', 'null'] }, 'text'],
  [
    'an array holds as many as it must',
    { type: 'array', items: { type: 'boolean' }, minItems: 2 },
    [true, true],
  ],
  [
    'unique items differ',
    { type: 'array', items: { type: 'integer' }, minItems: 2, uniqueItems: true },
    [1, 2],
  ],
  ['no schema is an object', {}, 'text'],
  ['anyOf gives its first', { anyOf: [{ type: 'integer' }, { type: 'null' }] }, 1],
  [
    'allOf is put together',
    { allOf: [{ type: 'object', properties: { a: { const: 1 } } }, { properties: { b: { const: 2 } } }] },
    { a: 1, b: 2 },
  ],
  ['required without properties', { type: 'object', required: ['a'] }, { a: 'text' }],
]

test.for(fits)('%s', ([, schema, value]) => {
  expect(fitSchema(schema, 'text')).toEqual(value)
})

test('references are followed, and a recursive schema gets a finite value', () => {
  const schema = {
    $ref: '#/$defs/node',
    $defs: {
      node: {
        type: 'object',
        properties: {
          name: { type: 'string' },
          next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] },
        },
        required: ['name', 'next'],
      },
    },
  }
  const text = JSON.stringify(fitSchema(schema, 'n'))
  expect(text.startsWith('{"name":"n","next":{"name":"n"')).toBe(true)
  expect(text).toContain('"next":null')
})

test('a schema that can never end is cut at a depth', () => {
  const schema = { $ref: '#', type: 'object', properties: { again: { $ref: '#' } }, required: ['again'] }
  expect(JSON.stringify(fitSchema(schema, 'n')).length).toBeLessThan(2_000)
})

const list = (items: object) => ({ type: 'array', minItems: 1_000, items })
const manyProperties = Object.fromEntries(Array.from({ length: 60_000 }, (_, index) => [`p${index}`, {}]))

test.for<[string, object]>([
  ['nested minItems', list(list(list({ type: 'string' })))],
  ['a huge minItems', { type: 'array', minItems: 1e300 }],
  ['a huge minLength', { type: 'string', minLength: 2 ** 30 }],
  [
    'self-references that multiply',
    {
      type: 'object',
      required: ['a', 'b', 'c'],
      properties: { a: { $ref: '#' }, b: { $ref: '#' }, c: { $ref: '#' } },
    },
  ],
  [
    'self-references inside allOf',
    { allOf: [{ $ref: '#' }, { $ref: '#' }, { properties: { a: { $ref: '#' } }, required: ['a'] }] },
  ],
  [
    'many properties behind many references',
    { ...list({ $ref: '#/$defs/big' }), $defs: { big: { properties: manyProperties } } },
  ],
  ['many options', { anyOf: [list({ anyOf: Array.from({ length: 60_000 }, () => ({ $ref: '#' })) })] }],
])('%s are refused', ([, schema]) => {
  expect(() => fitSchema(schema, 'text')).toThrow(SchemaTooLarge)
})

test('a pattern is never run', () => {
  const text = `${'a'.repeat(50)}!`
  expect(fitSchema({ type: 'string', pattern: '(a+)+$' }, text)).toBe(text)
})

test('a property called __proto__ is a property', () => {
  const schema = JSON.parse(
    '{"type":"object","properties":{"__proto__":{"const":1}},"required":["__proto__"]}',
  )
  expect(JSON.stringify(fitSchema(schema, 'n'))).toBe('{"__proto__":1}')
})
