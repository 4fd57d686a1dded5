/** The API's objects by short names, and those that Spool adds. */
import type OpenAI from 'openai'

export type Assistant = OpenAI.Beta.Assistant
export type AssistantTool = OpenAI.Beta.AssistantTool
export type FunctionTool = OpenAI.Beta.FunctionTool
export type Thread = OpenAI.Beta.Thread
export type Run = OpenAI.Beta.Threads.Run
export type Message = OpenAI.Beta.Threads.Message
export type MessageDelta = OpenAI.Beta.Threads.MessageDeltaEvent
export type Annotation = OpenAI.Beta.Threads.Annotation
export type RunStep = OpenAI.Beta.Threads.Runs.RunStep
export type StepDelta = OpenAI.Beta.Threads.Runs.RunStepDeltaEvent
export type ToolCall = OpenAI.Beta.Threads.Runs.ToolCall
export type FileObject = OpenAI.Files.FileObject
export type VectorStore = OpenAI.VectorStores.VectorStore
export type VectorStoreFile = OpenAI.VectorStores.VectorStoreFile
export type Metadata = Record<string, string>

export interface Page<Item> {
  data: Item[]
  first_id: string | null
  last_id: string | null
  has_more: boolean
}

/** Beyond the original API: the schemas of the server, as types. */
export type { FileText } from '../../../src/api/file-text.ts'
export type { ObjectLocation } from '../../../src/api/locations.ts'
export type {
  ModelRequestWork,
  Passage,
  RunWork,
  ToolCallWork,
  WorkerSpan,
} from '../../../src/api/run-work.ts'
export type { RunTrace } from '../../../src/api/runs.ts'
export type { ModelInfo, ServerInfo } from '../../../src/api/server-info.ts'
export type { ListedThread } from '../../../src/api/threads.ts'
export type { ListedVectorStoreFile, VectorStoreSearchPage } from '../../../src/api/vector-stores.ts'
