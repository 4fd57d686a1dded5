/** Changes an assistant. */
import type { Assistant, ModifyAssistantRequest } from '../api/assistants.ts'
import { errors } from '../api/errors.ts'
import { expandResponseFormat } from '../api/response-format.ts'
import { expandTools } from '../api/tools.ts'
import {
  lockAssistant,
  shownAssistant,
  updateAssistant,
  type AssistantBody,
  type StoredAssistant,
} from '../sql/assistants.ts'
import { checkStores, lockFiles } from './apply-plan.ts'
import { checkAssistant, resourcesFor } from './assistant-body.ts'
import type { Context } from './context.ts'
import { namedResources, planForNames } from './resource-plan.ts'

/** Absent fields keep their value; null sets the default. */
export async function modifyAssistant(
  context: Pick<Context, 'db' | 'hints' | 'clock' | 'modelBehind' | 'retrieval'>,
  { project, id }: { project: string; id: string },
  request: ModifyAssistantRequest,
): Promise<Assistant> {
  const plan = planForNames(request.tool_resources)
  const hint = { kind: 'assistant', assistant_id: id } as const
  const modified = await context.db.transaction(async (tx) => {
    await lockFiles(context, tx, { project, plan })
    const before = await lockAssistant(tx, project, id)
    if (!before) throw errors.notFound('assistant', id)
    await checkStores(context, tx, { project, plan })
    const body = changedBody(before, request)
    checkAssistant(context, body)
    await updateAssistant(tx, id, body)
    await context.hints.announce(tx, hint)
    return shownAssistant({ id: before.id, object: before.object, created_at: before.created_at, ...body })
  })
  context.hints.send(hint)
  return modified
}

function changedBody(before: StoredAssistant, request: ModifyAssistantRequest): AssistantBody {
  const tools = request.tools === undefined ? before.tools : expandTools(request.tools)
  const resources = { ...before.tool_resources, ...namedResources(request.tool_resources) }
  return {
    name: newValue(request.name, before.name, null),
    description: newValue(request.description, before.description, null),
    model: request.model ?? before.model,
    instructions: newValue(request.instructions, before.instructions, null),
    tools,
    top_p: newValue(request.top_p, before.top_p, null),
    temperature: newValue(request.temperature, before.temperature, null),
    reasoning_effort: newValue(request.reasoning_effort, before.reasoning_effort, null),
    tool_resources: resourcesFor(tools, request.tool_resources === null ? {} : resources),
    metadata: newValue(request.metadata, before.metadata, {}),
    response_format:
      request.response_format === undefined
        ? before.response_format
        : expandResponseFormat(request.response_format ?? 'auto'),
  }
}

function newValue<Value>(requested: Value | null | undefined, before: Value, cleared: Value): Value {
  return requested === undefined ? before : (requested ?? cleared)
}
