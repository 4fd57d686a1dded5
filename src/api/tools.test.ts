import { expect, test } from 'vitest'
import { CreateAssistantRequest, ModifyAssistantRequest } from './assistants.ts'
import { expandChunkingStrategy } from './chunking.ts'
import { ApiError } from './errors.ts'
import { parse } from './parse.ts'
import { expandResponseFormat, ResponseFormat } from './response-format.ts'
import { type AssistantTool, checkTools, expandTools, type ToolSetup } from './tools.ts'

/** The echo of tools as a client sends them, as text, so that the order of keys is seen. */
function echo(...tools: unknown[]): string {
  return JSON.stringify(expandTools(parse(CreateAssistantRequest, { model: 'm', tools }).tools))
}

function refusal(setup: Partial<ToolSetup>) {
  try {
    checkTools({ tools: [], response_format: 'auto', ...setup })
  } catch (error) {
    if (error instanceof ApiError) return [error.message, error.code, error.param]
    throw error
  }
  return null
}

const object = { type: 'object', properties: {} }

function functionTool(fields: { name?: string; parameters?: object; strict?: boolean } = {}): AssistantTool {
  const { name = 'f', parameters = object, strict = false } = fields
  return { type: 'function', function: { name, parameters: { ...parameters }, strict } }
}

const [fileSearch] = expandTools([{ type: 'file_search' }]) as [AssistantTool]
const codeInterpreter: AssistantTool = { type: 'code_interpreter' }

test.each([
  [{ type: 'code_interpreter' }, '[{"type":"code_interpreter"}]'],
  [
    { type: 'file_search' },
    '[{"type":"file_search","file_search":{"ranking_options":{"ranker":"default_2024_08_21","score_threshold":0}}}]',
  ],
  [
    {
      type: 'file_search',
      file_search: { ranking_options: { score_threshold: 0.5, ranker: 'auto' }, max_num_results: 7 },
    },
    '[{"type":"file_search","file_search":{"max_num_results":7,"ranking_options":{"ranker":"default_2024_08_21","score_threshold":0.5}}}]',
  ],
  [
    { type: 'function', function: { name: 'f' } },
    '[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}},"strict":false}}]',
  ],
  [
    { function: { strict: null, parameters: { b: 1, a: 2 }, description: '', name: 'f' }, type: 'function' },
    '[{"type":"function","function":{"name":"f","description":"","parameters":{"b":1,"a":2},"strict":false}}]',
  ],
  [
    { type: 'function', function: { name: 'f', description: 'd', parameters: {}, strict: true } },
    '[{"type":"function","function":{"name":"f","description":"d","parameters":{},"strict":true}}]',
  ],
])('a tool is echoed with its defaults, keys in the live order (%#)', (tool, expected) => {
  expect(echo(tool)).toBe(expected)
})

test('absent tools and null are an empty list', () => {
  expect(expandTools(null)).toEqual([])
  expect(expandTools(undefined)).toEqual([])
})

test('tools in an answer can be sent back in a request', () => {
  const tools = expandTools([
    { type: 'file_search', file_search: { max_num_results: 3 } },
    { type: 'code_interpreter' },
    { type: 'function', function: { name: 'f', description: 'd' } },
  ])
  const response_format = expandResponseFormat({ type: 'json_schema', json_schema: { name: 'n' } })
  const tool_resources = { code_interpreter: { file_ids: [] }, file_search: { vector_store_ids: [] } }
  const parsed = parse(ModifyAssistantRequest, { tools, response_format, tool_resources })
  expect(expandTools(parsed.tools)).toEqual(tools)
  expect(expandResponseFormat(parsed.response_format ?? 'auto')).toEqual(response_format)
  expect(parsed.tool_resources).toEqual(tool_resources)
})

test.each([
  ['auto', '"auto"'],
  [{ type: 'text' }, '{"type":"text"}'],
  [{ type: 'json_object' }, '{"type":"json_object"}'],
  [
    { type: 'json_schema', json_schema: { strict: true, schema: object, name: 'n', description: 'd' } },
    '{"type":"json_schema","json_schema":{"name":"n","description":"d","schema":{"type":"object","properties":{}},"strict":true}}',
  ],
  [
    { type: 'json_schema', json_schema: { name: 'n' } },
    '{"type":"json_schema","json_schema":{"name":"n","description":null,"schema":{},"strict":false}}',
  ],
])('a response format is returned completely (%#)', (response_format, expected) => {
  const parsed = parse(CreateAssistantRequest, { model: 'm', response_format })
  const echoed = expandResponseFormat(parsed.response_format ?? 'auto')
  expect(JSON.stringify(echoed)).toBe(expected)
  expect(ResponseFormat.parse(echoed)).toEqual(echoed)
})

test('a static chunking strategy shows its sizes', () => {
  const standard = { type: 'static', static: { max_chunk_size_tokens: 800, chunk_overlap_tokens: 400 } }
  expect(expandChunkingStrategy()).toEqual(standard)
  expect(expandChunkingStrategy({ type: 'auto' })).toEqual(standard)
  const own = { type: 'static', static: { max_chunk_size_tokens: 1200, chunk_overlap_tokens: 250 } } as const
  expect(expandChunkingStrategy(own)).toEqual(own)
})

test('compatible tools are accepted', () => {
  const tools = [fileSearch, codeInterpreter, functionTool(), functionTool({ name: 'g' })]
  expect(refusal({ tools })).toBeNull()
  expect(refusal({ tools, tool_choice: { type: 'function', function: { name: 'g' } } })).toBeNull()
  expect(refusal({ tools, tool_choice: { type: 'code_interpreter' } })).toBeNull()
  expect(refusal({ tools, tool_choice: 'required' })).toBeNull()
  expect(refusal({ tool_choice: 'none' })).toBeNull()
  expect(refusal({ tool_choice: 'auto' })).toBeNull()
  expect(refusal({ tools, response_format: { type: 'json_object' } })).toBeNull()
})

test.each<[string, Partial<ToolSetup>, string, string | null, string | null]>([
  [
    'two functions of one name',
    { tools: [functionTool(), functionTool({ name: 'g' }), functionTool()] },
    "Invalid 'tools': the function name 'f' is used more than once.",
    'invalid_value',
    'tools',
  ],
  [
    'the same built-in tool twice',
    { tools: [codeInterpreter, fileSearch, codeInterpreter] },
    "Invalid 'tools': the tool 'code_interpreter' is given more than once.",
    'invalid_value',
    'tools',
  ],
  [
    'a function with the name of a built-in tool, beside it',
    { tools: [fileSearch, functionTool({ name: 'file_search' })] },
    "Invalid 'tools[1].function.name': 'file_search' is the name of a built-in tool. Give the function another name.",
    'invalid_value',
    'tools[1].function.name',
  ],
  [
    'a function with the name of a built-in tool, without it',
    { tools: [functionTool({ name: 'code_interpreter' })] },
    "Invalid 'tools[0].function.name': 'code_interpreter' is the name of a built-in tool. Give the function another name.",
    'invalid_value',
    'tools[0].function.name',
  ],
  [
    'parameters that describe a string',
    { tools: [codeInterpreter, functionTool({ name: 'get_weather', parameters: { type: 'string' } })] },
    `Invalid schema for function 'get_weather': schema must be a JSON Schema of 'type: "object"', got 'type: "string"'.`,
    'invalid_function_parameters',
    'tools[1].function.parameters',
  ],
  [
    'parameters that describe nothing',
    { tools: [functionTool({ parameters: {} })] },
    `Invalid schema for function 'f': schema must be a JSON Schema of 'type: "object"', got 'type: "None"'.`,
    'invalid_function_parameters',
    'tools[0].function.parameters',
  ],
  [
    'a strict function that lets unknown keys in',
    { tools: [functionTool({ strict: true })] },
    "Invalid schema for function 'f': In context=(), 'additionalProperties' is required to be supplied and to be false.",
    'invalid_function_parameters',
    'tools[0].function.parameters',
  ],
  [
    'a JSON schema beside a tool that is no function',
    {
      tools: [functionTool(), fileSearch],
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'n', description: null, schema: object, strict: false },
      },
    },
    'Invalid tools: all tools must be of type `function` when `response_format` is of type `json_schema`.',
    null,
    null,
  ],
  [
    'a strict answer that lets unknown keys in',
    {
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'n', description: null, schema: object, strict: true },
      },
    },
    "Invalid schema for response_format 'n': In context=(), 'additionalProperties' is required to be supplied and to be false.",
    null,
    'response_format',
  ],
  [
    'a choice of a function that is not there',
    { tools: [functionTool()], tool_choice: { type: 'function', function: { name: 'g' } } },
    "Invalid value for 'tool_choice': the function 'g' is not in 'tools'.",
    'invalid_value',
    'tool_choice',
  ],
  [
    'a choice of a tool that is not there',
    { tools: [functionTool()], tool_choice: { type: 'file_search' } },
    "Invalid value for 'tool_choice': the tool 'file_search' is not in 'tools'.",
    'invalid_value',
    'tool_choice',
  ],
  [
    'a must without tools',
    { tool_choice: 'required' },
    "Invalid value for 'tool_choice': 'required' is only allowed when 'tools' are given.",
    'invalid_value',
    'tool_choice',
  ],
])('%s is refused', (_, setup, ...words) => {
  expect(refusal(setup)).toEqual(words)
})

function literally(text: string): RegExp {
  return new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
}

const closed = (properties: object, required = Object.keys(properties)) => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
})
const open = { type: 'object', properties: {} }

test.each<[string, object, string | null]>([
  ['a closed object', closed({ a: { type: 'string' } }), null],
  ['closed objects all the way', closed({ a: closed({ b: { type: ['string', 'null'] } }) }), null],
  [
    'an optional property',
    closed({ a: {}, b: {} }, ['a']),
    "In context=(), 'required' is required to be supplied and to be an array including every key in properties. Missing 'b'.",
  ],
  ['an open property', closed({ a: open }), "In context=('properties', 'a'), 'additionalProperties'"],
  [
    'a nullable open property',
    closed({ a: { ...open, type: ['object', 'null'] } }),
    "In context=('properties', 'a')",
  ],
  [
    'an open member',
    closed({ a: { type: 'array', items: open } }),
    "In context=('properties', 'a', 'items')",
  ],
  [
    'an open branch',
    closed({ a: { anyOf: [{ type: 'null' }, open] } }),
    "In context=('properties', 'a', 'anyOf', '1')",
  ],
  ['an open definition', { ...closed({}), $defs: { x: open } }, "In context=('$defs', 'x')"],
  ['a property named items', closed({ items: { type: 'string' } }), null],
  ['keywords of the wrong type', { ...closed({}), anyOf: 5, items: 'x', $defs: [] }, null],
])('strict: %s', (_, parameters, fault) => {
  const errorOf = refusal({ tools: [functionTool({ parameters, strict: true })] })
  expect(errorOf?.[0] ?? '').toMatch(fault === null ? /^$/ : literally(fault))
  expect(refusal({ tools: [functionTool({ parameters })] })).toBeNull()
})

test('a strict schema as deep as a body may be is checked without running out of stack', () => {
  let schema: object = open
  for (let depth = 0; depth < 250; depth += 1) schema = closed({ a: schema })
  expect(refusal({ tools: [functionTool({ parameters: schema, strict: true })] })?.[1]).toBe(
    'invalid_function_parameters',
  )
})

test('a strict schema with 150,000 required properties is checked in linear time', () => {
  const names = Array.from({ length: 150_000 }, (_, index) => `p${index}`)
  const properties = Object.fromEntries(names.map((name) => [name, { type: 'string' }]))
  const parameters = { type: 'object', properties, required: names, additionalProperties: false }
  expect(refusal({ tools: [functionTool({ parameters, strict: true })] })).toBeNull()
  parameters.required.pop()
  expect(refusal({ tools: [functionTool({ parameters, strict: true })] })?.[0]).toContain("Missing 'p149999'")
})
