/** Tools of assistants and runs: in requests and in answers. */
import { z } from 'zod'
import { errors } from './errors.ts'
import { anyObject, decimal, integer, text } from './fields.ts'
import { functionName, type ResponseFormat } from './response-format.ts'
import { rootFault, strictFault } from './strict-schema.ts'

const defaultRanker = 'default_2024_08_21'

const codeInterpreter = z.strictObject({ type: z.literal('code_interpreter') })

/** In a request. */
export const ToolRequest = z.discriminatedUnion('type', [
  codeInterpreter,
  z.strictObject({
    type: z.literal('function'),
    function: z.strictObject({
      name: functionName,
      description: text({ max: 1024 }).optional(),
      parameters: anyObject.optional(),
      strict: z.boolean().nullish(),
    }),
  }),
  z.strictObject({
    type: z.literal('file_search'),
    file_search: z
      .strictObject({
        max_num_results: integer(1, 50).optional(),
        ranking_options: z
          .strictObject({
            ranker: z.enum(['auto', defaultRanker]).default('auto'),
            score_threshold: decimal(0, 1),
          })
          .optional(),
      })
      .optional(),
  }),
])
export type ToolRequest = z.output<typeof ToolRequest>

/** The tools of an assistant. */
export const ToolRequests = z.array(ToolRequest).max(128)

/** The tools that a request for a run names; without them a run inherits those of its assistant. */
export const RunToolRequests = z.array(ToolRequest).max(20)

const CodeInterpreterTool = codeInterpreter
const FunctionTool = z.strictObject({
  type: z.literal('function'),
  function: z.strictObject({
    name: z.string(),
    description: z.string().optional(),
    parameters: anyObject,
    strict: z.boolean(),
  }),
})
const FileSearchTool = z.strictObject({
  type: z.literal('file_search'),
  file_search: z.strictObject({
    max_num_results: z.int().optional(),
    ranking_options: z.strictObject({ ranker: z.literal(defaultRanker), score_threshold: z.number() }),
  }),
})
export type FileSearchTool = z.output<typeof FileSearchTool>

/** In the database and in answers: with defaults. */
export const AssistantTool = z.discriminatedUnion('type', [CodeInterpreterTool, FileSearchTool, FunctionTool])
export type AssistantTool = z.output<typeof AssistantTool>

/** Applies the defaults of the live service, keys in wire order. */
export function expandTools(requested: readonly ToolRequest[] | null | undefined): AssistantTool[] {
  return (requested ?? []).map(expandTool)
}

function expandTool(tool: ToolRequest): AssistantTool {
  if (tool.type === 'code_interpreter') return { type: 'code_interpreter' }
  if (tool.type === 'file_search') {
    const { max_num_results, ranking_options } = tool.file_search ?? {}
    return {
      type: 'file_search',
      file_search: {
        ...(max_num_results !== undefined && { max_num_results }),
        ranking_options: { ranker: defaultRanker, score_threshold: ranking_options?.score_threshold ?? 0 },
      },
    }
  }
  const { name, description, parameters, strict } = tool.function
  return {
    type: 'function',
    function: {
      name,
      ...(description !== undefined && { description }),
      parameters: parameters ?? { type: 'object', properties: {} },
      strict: strict ?? false,
    },
  }
}

const toolChoiceTypes = [
  z.strictObject({ type: z.literal('function'), function: z.strictObject({ name: text({ min: 1 }) }) }),
  codeInterpreter,
  z.strictObject({ type: z.literal('file_search') }),
] as const

/** The same in requests and answers. */
export const ToolChoice = z.union(
  [z.enum(['none', 'auto', 'required']), z.discriminatedUnion('type', toolChoiceTypes)],
  { error: 'one of a string or object' },
)
export type ToolChoice = z.output<typeof ToolChoice>

/** The settings of an assistant, or those of a run after inheritance. */
export interface ToolSetup {
  tools: readonly AssistantTool[]
  response_format: ResponseFormat
  tool_choice?: ToolChoice | null
}

/** Throws an `ApiError` when valid fields contradict one another. */
export function checkTools({ tools, response_format, tool_choice }: ToolSetup): void {
  checkDuplicates(tools)
  tools.forEach(checkFunction)
  checkResponseFormat(response_format, tools)
  if (tool_choice) checkToolChoice(tool_choice, tools)
}

function checkDuplicates(tools: readonly AssistantTool[]): void {
  const seen = new Set<string>()
  for (const tool of tools) {
    const key = tool.type === 'function' ? `function ${tool.function.name}` : tool.type
    if (seen.has(key)) {
      throw tool.type === 'function'
        ? errors.duplicateFunction(tool.function.name)
        : errors.duplicateTool(tool.type)
    }
    seen.add(key)
  }
}

/** The model calls built-in tools by these names, so no function may have them, with or without the tool. */
const builtInNames: ReadonlySet<string> = new Set(['code_interpreter', 'file_search'])

function checkFunction(tool: AssistantTool, index: number): void {
  if (tool.type !== 'function') return
  const { name, parameters, strict } = tool.function
  if (builtInNames.has(name)) throw errors.reservedFunctionName(`tools[${index}].function.name`, name)
  const fault = rootFault(parameters) ?? (strict ? strictFault(parameters) : undefined)
  if (fault) throw errors.invalidFunctionSchema(`tools[${index}].function.parameters`, name, fault)
}

function checkResponseFormat(format: ResponseFormat, tools: readonly AssistantTool[]): void {
  if (format === 'auto' || format.type !== 'json_schema') return
  if (tools.some((tool) => tool.type !== 'function')) throw errors.jsonSchemaNeedsFunctions()
  const { name, schema, strict } = format.json_schema
  const fault = strict ? (rootFault(schema) ?? strictFault(schema)) : undefined
  if (fault) throw errors.invalidResponseSchema(name, fault)
}

function checkToolChoice(choice: ToolChoice, tools: readonly AssistantTool[]): void {
  if (choice === 'required' && tools.length === 0) throw errors.toolChoiceNeedsTools()
  if (typeof choice === 'string') return
  if (choice.type === 'function') {
    const { name } = choice.function
    if (tools.some((tool) => tool.type === 'function' && tool.function.name === name)) return
    throw errors.toolChoiceAbsent(`the function '${name}'`)
  }
  if (!tools.some((tool) => tool.type === choice.type))
    throw errors.toolChoiceAbsent(`the tool '${choice.type}'`)
}
