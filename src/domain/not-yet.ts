/** What the server does not do yet is refused by name, never ignored. */
import { errors } from '../api/errors.ts'
import type { ToolRequest } from '../api/tools.ts'

const unbuilt: ReadonlySet<string> = new Set(['file_search'])

export function refuseUnbuiltTools(tools: readonly ToolRequest[] | null | undefined, path = 'tools'): void {
  tools?.forEach((tool, index) => {
    if (unbuilt.has(tool.type))
      throw errors.notSupportedYet(`${path}[${index}].type`, `The tool '${tool.type}'`)
  })
}
