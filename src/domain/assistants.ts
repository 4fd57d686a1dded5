/** Assistants: what a request makes of one. */
import { errors } from '../api/errors.ts'
import type { Assistant, CreateAssistantRequest, ModifyAssistantRequest } from '../api/assistants.ts'
import { expandResponseFormat } from '../api/response-format.ts'
import { checkTools, expandTools } from '../api/tools.ts'
import { insertAssistant, lockAssistant, updateAssistant, type AssistantBody } from '../sql/assistants.ts'
import { nowSeconds } from '../util/clock.ts'
import { newId } from '../util/ids.ts'
import { checkResourceFiles } from './attach-file.ts'
import type { Context } from './context.ts'
import { namedResources, withStores } from './make-thread.ts'
import { addsFiles, carryOut, checkNamed, planForAssistant } from './search-resources.ts'

export async function createAssistant(
  context: Context,
  project: string,
  request: CreateAssistantRequest,
): Promise<Assistant> {
  const tools = expandTools(request.tools)
  const { plan, vector_store_ids } = planForAssistant(context, request.tool_resources)
  const resources = withStores(namedResources(request.tool_resources), vector_store_ids)
  const body: AssistantBody = {
    name: request.name ?? null,
    description: request.description ?? null,
    model: request.model,
    instructions: request.instructions ?? null,
    tools,
    top_p: request.top_p ?? 1,
    temperature: request.temperature ?? 1,
    reasoning_effort: request.reasoning_effort ?? null,
    tool_resources: resourcesFor(tools, resources),
    metadata: request.metadata ?? {},
    response_format: expandResponseFormat(request.response_format ?? 'auto'),
  }
  checkBody(context, body)
  const row = { id: newId('assistant'), project, created_at: nowSeconds(context.clock), body }
  const assistant = await context.db.transaction(async (tx) => {
    await checkResourceFiles(tx, project, request.tool_resources)
    await carryOut(context, tx, { project, plan })
    return insertAssistant(tx, row)
  })
  if (addsFiles(plan)) context.hints.tell({ kind: 'ingest' })
  return assistant
}

/** Absent fields stay; null restores what the field is without being given. */
export async function modifyAssistant(
  context: Context,
  key: { project: string; id: string },
  request: ModifyAssistantRequest,
): Promise<Assistant> {
  return context.db.transaction(async (tx) => {
    await checkResourceFiles(tx, key.project, request.tool_resources)
    const before = await lockAssistant(tx, key.project, key.id)
    if (!before) throw errors.notFound('assistant', key.id)
    const ids = request.tool_resources?.file_search?.vector_store_ids ?? []
    await checkNamed(context, tx, { project: key.project, ids })
    const tools = request.tools === undefined ? before.tools : expandTools(request.tools)
    const resources = { ...before.tool_resources, ...namedResources(request.tool_resources) }
    const body: AssistantBody = {
      name: given(request.name, before.name, null),
      description: given(request.description, before.description, null),
      model: request.model ?? before.model,
      instructions: given(request.instructions, before.instructions, null),
      tools,
      top_p: given(request.top_p, before.top_p, 1),
      temperature: given(request.temperature, before.temperature, 1),
      reasoning_effort: given(request.reasoning_effort, before.reasoning_effort, null),
      tool_resources: resourcesFor(tools, request.tool_resources === null ? {} : resources),
      metadata: given(request.metadata, before.metadata, {}),
      response_format:
        request.response_format === undefined
          ? before.response_format
          : expandResponseFormat(request.response_format ?? 'auto'),
    }
    checkBody(context, body)
    await updateAssistant(tx, key.id, body)
    return { id: before.id, object: before.object, created_at: before.created_at, ...body }
  })
}

function given<Value>(asked: Value | null | undefined, before: Value, cleared: Value): Value {
  return asked === undefined ? before : (asked ?? cleared)
}

function checkBody(context: Context, body: AssistantBody): void {
  checkTools(body)
  if (context.modelBehind(body.model) === undefined) throw errors.requestedModelNotFound(body.model)
}

/** An enabled tool shows its resources, even when it has none. */
function resourcesFor(
  tools: AssistantBody['tools'],
  resources: AssistantBody['tool_resources'],
): AssistantBody['tool_resources'] {
  const has = (type: string) => tools.some((tool) => tool.type === type)
  const code_interpreter =
    resources.code_interpreter ?? (has('code_interpreter') ? { file_ids: [] } : undefined)
  const file_search = resources.file_search ?? (has('file_search') ? { vector_store_ids: [] } : undefined)
  return { ...(code_interpreter && { code_interpreter }), ...(file_search && { file_search }) }
}
