/** Assistants. */
import { z } from 'zod'
import { at, decimal, deletion, text } from './fields.ts'
import { Metadata, MetadataRequest } from './metadata.ts'
import { ResponseFormat, ResponseFormatRequest } from './response-format.ts'
import { CreateToolResources, ModifyToolResources, ToolResources } from './tool-resources.ts'
import { AssistantTool, ToolRequests } from './tools.ts'

export const ReasoningEffort = z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'])

/** The longest instructions and message text, in code points. */
export const maxTextLength = 256_000

export const temperature = decimal(0, 2)
export const top_p = decimal(0, 1)

export const Assistant = z.strictObject({
  id: z.string(),
  object: z.literal('assistant'),
  created_at: at,
  name: z.string().nullable(),
  description: z.string().nullable(),
  model: z.string(),
  instructions: z.string().nullable(),
  tools: z.array(AssistantTool),
  top_p: z.number(),
  temperature: z.number(),
  reasoning_effort: ReasoningEffort.nullable(),
  tool_resources: ToolResources,
  metadata: Metadata,
  response_format: ResponseFormat,
})
export type Assistant = z.output<typeof Assistant>

const settings = {
  name: text({ max: 256 }).nullish(),
  description: text({ max: 512 }).nullish(),
  instructions: text({ max: maxTextLength }).nullish(),
  tools: ToolRequests.nullish(),
  metadata: MetadataRequest,
  temperature: temperature.nullish(),
  top_p: top_p.nullish(),
  reasoning_effort: ReasoningEffort.nullish(),
  response_format: ResponseFormatRequest.nullish(),
}

export const CreateAssistantRequest = z.strictObject({
  model: text({ min: 1 }),
  ...settings,
  tool_resources: CreateToolResources,
})
export type CreateAssistantRequest = z.output<typeof CreateAssistantRequest>

/** Absent means unchanged; null clears what can be null and restores the default of the rest. */
export const ModifyAssistantRequest = z.strictObject({
  model: text({ min: 1 }).optional(),
  ...settings,
  tool_resources: ModifyToolResources,
})
export type ModifyAssistantRequest = z.output<typeof ModifyAssistantRequest>

export const AssistantDeleted = deletion('assistant.deleted')
