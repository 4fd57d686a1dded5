/** The rules that creating and modifying an assistant share. */
import { errors } from '../api/errors.ts'
import { checkTools } from '../api/tools.ts'
import type { AssistantBody } from '../sql/assistants.ts'
import type { Context } from './context.ts'

/** Throws when fields contradict each other or no provider has the model. */
export function checkAssistant({ modelBehind }: Pick<Context, 'modelBehind'>, body: AssistantBody): void {
  checkTools(body)
  if (modelBehind(body.model) === undefined) throw errors.requestedModelNotFound(body.model)
}

/** The resources with an empty entry for each enabled tool that has none. */
export function resourcesFor(
  tools: AssistantBody['tools'],
  resources: AssistantBody['tool_resources'],
): AssistantBody['tool_resources'] {
  const has = (type: string) => tools.some((tool) => tool.type === type)
  const code_interpreter =
    resources.code_interpreter ?? (has('code_interpreter') ? { file_ids: [] } : undefined)
  const file_search = resources.file_search ?? (has('file_search') ? { vector_store_ids: [] } : undefined)
  return { ...(code_interpreter && { code_interpreter }), ...(file_search && { file_search }) }
}
