/** file_search: passages of the vector stores of assistant and thread, with marks for citations. */
import type { FileSearchToolCall } from '../api/run-steps.ts'
import type { Passage } from '../api/run-work.ts'
import type { FileSearchTool } from '../api/tools.ts'
import { countTokens } from '../util/count-tokens.ts'
import type { Retrieval } from '../search/retrieval.ts'
import { searchStores, type SearchResult, type SearchResults } from '../search/search.ts'
import type { Queryable } from '../database/database.ts'
import type { Mark } from '../sql/run-steps.ts'
import type { RunRow } from '../sql/runs.ts'
import { findThread } from '../sql/threads.ts'
import { ToolFailure, type Tool, type ToolCall, type ToolContext, type ToolOutcome } from './port.ts'

export interface FileSearchParts {
  db: Queryable
  retrieval: Retrieval
  /** Waits for the files of the stores of the thread, with a time limit; returns the stores that have expired. */
  waitForVectorStores: (row: RunRow, stores: StoresOfRun, signal: AbortSignal) => Promise<string[]>
}

export interface StoresOfRun {
  ofAssistant: readonly string[]
  ofThread: readonly string[]
}

/** The most passages and tokens that the live service gives to the model. */
const defaultResults = 20
const tokenBudget = 16_000
/** The length of a passage in the trace. */
const tracedCharacters = 4000

const parameters = {
  type: 'object',
  properties: {
    queries: {
      type: 'array',
      items: { type: 'string' },
      description:
        'What to look for, in words that the documents may use; several where the question has several parts.',
    },
  },
  required: ['queries'],
  additionalProperties: false,
}

const description =
  'Searches the files of the user. Returns passages, each after a mark like 【4:0†name】. Put the mark of a passage ' +
  'directly after every statement that you take from it, exactly as it is written.'

export function fileSearchTool(parts: FileSearchParts): Tool {
  return {
    type: 'file_search',
    async offer(tool, row, signal) {
      if (tool.type !== 'file_search') throw new Error(`expected file_search, found ${tool.type}`)
      const [expired] = await parts.waitForVectorStores(row, await storesOf(parts.db, row), signal)
      if (expired) throw new ToolFailure(`Vector store '${expired}' has expired.`)
      return {
        type: 'file_search',
        chat: { type: 'function', function: { name: 'file_search', description, parameters } },
        begin: (id) => searchCall(id, tool, []),
        // The step does not show the query, so nothing is emitted while the model writes it.
        reader: () => () => undefined,
        complete: (id) => searchCall(id, tool, []),
        run: (call, context) => search(parts, tool, call, context),
      }
    },
  }
}

function searchCall(id: string, tool: FileSearchTool, results: readonly SearchResult[]): FileSearchToolCall {
  return {
    id,
    type: 'file_search',
    file_search: {
      ranking_options: tool.file_search.ranking_options,
      results: results.map((result) => ({
        file_id: result.file_id,
        file_name: result.filename,
        score: result.score,
        attributes: result.attributes,
        content: [{ type: 'text', text: result.text }],
      })),
    },
  }
}

async function storesOf(db: Queryable, row: RunRow): Promise<StoresOfRun> {
  const thread = await findThread(db, row.project, row.thread_id)
  return {
    ofAssistant: row.settings.resources.file_search?.vector_store_ids ?? [],
    ofThread: thread?.tool_resources.file_search?.vector_store_ids ?? [],
  }
}

async function search(
  { db, retrieval }: FileSearchParts,
  tool: FileSearchTool,
  call: ToolCall,
  { row, signal, ordinal }: ToolContext,
): Promise<ToolOutcome> {
  const { ofAssistant, ofThread } = await storesOf(db, row)
  const { ranking_options, max_num_results = defaultResults } = tool.file_search
  const request = {
    project: row.project,
    vector_store_ids: [...new Set([...ofAssistant, ...ofThread])],
    queries: queriesOf(call.arguments),
    max_num_results,
    score_threshold: ranking_options.score_threshold,
    ranker: 'auto' as const,
  }
  const { results: found, missing } =
    request.queries.length === 0 ? nothing : await searchStores(retrieval, request, signal)
  const passages: string[] = []
  const traced: Passage[] = []
  const marks: Mark[] = []
  let tokens = 0
  for (const [index, result] of found.entries()) {
    const mark = markOf(ordinal, index, result.filename)
    const passage = `${mark}${withoutMarks(`${placeOf(result)}\n${result.text}`)}`
    tokens += await countTokens(passage)
    // The first passage is always returned, even when it is longer than the budget.
    if (tokens > tokenBudget && index > 0) break
    passages.push(passage)
    marks.push({ text: mark, type: 'file_citation', file_id: result.file_id })
    traced.push(tracedPassage(result, mark))
  }
  return {
    call: searchCall(call.id, tool, found.slice(0, passages.length)),
    output: [
      ...(passages.length > 0 ? passages : ['Nothing was found in the files.']),
      ...notesOf(missing),
    ].join('\n\n'),
    marks,
    search: { queries: request.queries, passages: traced },
  }
}

const nothing: SearchResults = { results: [], missing: 0 }

function notesOf(missing: number): string[] {
  if (missing === 0) return []
  return [`${missing} passages could not be searched yet, because their index is being made.`]
}

/** A passage as the trace of the run stores it. */
function tracedPassage(found: SearchResult, mark: string): Passage {
  const { attributes: _, last_page: __, last_slide: ___, ...result } = found
  return { ...result, mark, text: result.text.slice(0, tracedCharacters) }
}

/** Models write `queries`, sometimes `query`, sometimes the text without JSON. */
function queriesOf(argumentsText: string): string[] {
  try {
    const input = JSON.parse(argumentsText) as { queries?: unknown; query?: unknown } | string | null
    if (typeof input === 'string') return [input]
    const queries = [input?.queries ?? [], input?.query ?? []].flat()
    return queries.filter((query): query is string => typeof query === 'string' && query.trim() !== '')
  } catch {
    return argumentsText.trim() === '' ? [] : [argumentsText]
  }
}

/** The first number identifies the call in its thread, the second the passage in its call. */
function markOf(ordinal: number, index: number, filename: string): string {
  return `【${ordinal}:${index}†${filename.replaceAll(/[【】†\s]+/g, ' ')}】`
}

/** A file may have marks in its own text, as exported chats have. Copied, they would point to other passages. */
function withoutMarks(text: string): string {
  return text.replaceAll(/【(\s*[\d０-９]+\s*[:：][^【】\n]*)】/g, '[$1]')
}

/** A passage may begin on one page and end on another. */
function placeOf({ page, last_page, slide, last_slide, heading }: SearchResult): string {
  const parts = [rangeOf('page', page, last_page), rangeOf('slide', slide, last_slide), heading ?? '']
  const known = parts.filter((part) => part !== '')
  return known.length > 0 ? ` (${known.join(', ')})` : ''
}

function rangeOf(name: string, first: number | undefined, last: number | undefined): string {
  if (first === undefined) return ''
  return last === undefined || last === first ? `${name} ${first}` : `${name}s ${first} to ${last}`
}
