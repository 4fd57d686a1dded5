/** All tools of this server. */
import type { RunRow } from '../sql/runs.ts'
import { codeInterpreterTool, type CodeInterpreterParts } from './code-interpreter.ts'
import { fileSearchTool, type FileSearchParts } from './file-search.ts'
import { functionTool } from './function.ts'
import type { OfferedTool, Tool } from './port.ts'

export type Tools = ReadonlyMap<string, Tool>

export function openTools(parts: CodeInterpreterParts & FileSearchParts): Tools {
  const all = [functionTool, codeInterpreterTool(parts), fileSearchTool(parts)]
  return new Map(all.map((tool) => [tool.type, tool]))
}

/** The functions that the model gets in a run. */
export async function offerTools(tools: Tools, row: RunRow, signal: AbortSignal): Promise<OfferedTool[]> {
  return Promise.all(
    row.settings.tools.map((tool) => {
      const implementation = tools.get(tool.type)
      if (!implementation) throw new Error(`expected a tool of type ${tool.type}`)
      return implementation.offer(tool, row, signal)
    }),
  )
}
