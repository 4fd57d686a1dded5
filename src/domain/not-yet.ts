/** What the server does not do yet is refused by name, never ignored. */
import { errors } from '../api/errors.ts'
import type { CreateMessageRequest } from '../api/messages.ts'
import type { ToolRequest } from '../api/tools.ts'
import type { CreateToolResources } from '../api/tool-resources.ts'

const unbuilt: ReadonlySet<string> = new Set(['file_search'])

export function refuseUnbuiltTools(tools: readonly ToolRequest[] | null | undefined, path = 'tools'): void {
  tools?.forEach((tool, index) => {
    if (unbuilt.has(tool.type))
      throw errors.notSupportedYet(`${path}[${index}].type`, `The tool '${tool.type}'`)
  })
}

/** Empty forms are accepted: they ask for nothing. */
export function refuseUnbuiltResources(
  resources: CreateToolResources | undefined,
  path = 'tool_resources',
): void {
  const search = resources?.file_search
  if (search?.vector_store_ids?.length) {
    throw errors.notSupportedYet(`${path}.file_search.vector_store_ids`, 'Searching vector stores')
  }
  if (search?.vector_stores?.length) {
    throw errors.notSupportedYet(`${path}.file_search.vector_stores`, 'Making vector stores')
  }
}

export function refuseUnbuiltMessages(
  messages: readonly CreateMessageRequest[] | null | undefined,
  path: string,
): void {
  messages?.forEach((message, index) => refuseUnbuiltMessage(message, `${path}[${index}].`))
}

export function refuseUnbuiltMessage(message: CreateMessageRequest, prefix = ''): void {
  const isSearched = message.attachments?.some(({ tools }) =>
    tools.some((tool) => tool.type === 'file_search'),
  )
  if (isSearched) throw errors.notSupportedYet(`${prefix}attachments`, 'Attaching files for file_search')
}
