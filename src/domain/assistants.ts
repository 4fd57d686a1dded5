/** Assistants. */
import type { Assistant, CreateAssistantRequest, ModifyAssistantRequest } from '../api/assistants.ts'
import { errors } from '../api/errors.ts'
import { expandResponseFormat } from '../api/response-format.ts'
import { expandTools, checkTools } from '../api/tools.ts'
import { createOnce, transactionOnce } from '../database/retry.ts'
import {
  findAssistant,
  insertAssistant,
  type AssistantBody,
  lockAssistant,
  shownAssistant,
  updateAssistant,
  type StoredAssistant,
  deleteAssistant as deleteRow,
} from '../sql/assistants.ts'
import { nowSeconds } from '../util/clock.ts'
import { newId } from '../util/ids.ts'
import { applyPlan, checkStores, lockFiles } from './apply-plan.ts'
import type { Context } from './context.ts'
import type { FillContext } from './fill-vector-store.ts'
import { fillsStores, planForAssistant, namedResources, planForNames } from './resource-plan.ts'

type AssistantContext = FillContext & Pick<Context, 'modelBehind'>

/** Creates an assistant with its new vector stores. */
export async function createAssistant(
  context: AssistantContext,
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
  const create = () =>
    context.db.transaction(async (tx) => {
      await applyPlan(context, tx, { project, plan })
      return insertAssistant(tx, row)
    })
  const assistant = await createOnce(create, () => findAssistant(context.db, project, row.id))
  if (fillsStores(plan)) context.hints.send({ kind: 'ingest' })
  return assistant
}

/** Absent fields keep their value; null sets the default. */
export async function modifyAssistant(
  context: AssistantContext,
  { project, id }: { project: string; id: string },
  request: ModifyAssistantRequest,
): Promise<Assistant> {
  const plan = planForNames(request.tool_resources)
  const hint = { kind: 'assistant', assistant_id: id } as const
  const modified = await transactionOnce(context.db, async (tx) => {
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

/** Returns false when the project has no such assistant. Its runs and threads remain. */
export async function deleteAssistant(
  { db, hints }: Pick<Context, 'db' | 'hints'>,
  project: string,
  id: string,
): Promise<boolean> {
  const hint = { kind: 'assistant', assistant_id: id } as const
  const isDeleted = await transactionOnce(db, async (tx) => {
    const found = await deleteRow(tx, project, id)
    if (found) await hints.announce(tx, hint)
    return found
  })
  if (isDeleted) hints.send(hint)
  return isDeleted
}

/** Throws when fields contradict each other or no provider has the model. */
function checkAssistant({ modelBehind }: Pick<Context, 'modelBehind'>, body: AssistantBody): void {
  checkTools(body)
  if (modelBehind(body.model) === undefined) throw errors.requestedModelNotFound(body.model)
}

/** The resources with an empty entry for each enabled tool that has none. */
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
