/** Creates an assistant. */
import type { Assistant, CreateAssistantRequest } from '../api/assistants.ts'
import { expandResponseFormat } from '../api/response-format.ts'
import { expandTools } from '../api/tools.ts'
import { insertAssistant, type AssistantBody } from '../sql/assistants.ts'
import { nowSeconds } from '../util/clock.ts'
import { newId } from '../util/ids.ts'
import { applyPlan } from './apply-plan.ts'
import { checkAssistant, resourcesFor } from './assistant-body.ts'
import type { Context } from './context.ts'
import { fillsStores, planForAssistant } from './resource-plan.ts'

export async function createAssistant(
  context: Context,
  project: string,
  request: CreateAssistantRequest,
): Promise<Assistant> {
  const tools = expandTools(request.tools)
  const { plan, tool_resources } = planForAssistant(context, request.tool_resources)
  const body: AssistantBody = {
    name: request.name ?? null,
    description: request.description ?? null,
    model: request.model,
    instructions: request.instructions ?? null,
    tools,
    top_p: request.top_p ?? null,
    temperature: request.temperature ?? null,
    reasoning_effort: request.reasoning_effort ?? null,
    tool_resources: resourcesFor(tools, tool_resources),
    metadata: request.metadata ?? {},
    response_format: expandResponseFormat(request.response_format ?? 'auto'),
  }
  checkAssistant(context, body)
  const row = { id: newId('assistant'), project, created_at: nowSeconds(context.clock), body }
  const assistant = await context.db.transaction(async (tx) => {
    await applyPlan(context, tx, { project, plan })
    return insertAssistant(tx, row)
  })
  if (fillsStores(plan)) context.hints.send({ kind: 'ingest' })
  return assistant
}
