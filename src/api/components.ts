/** The schemas that have a name in the API's description, under that name. */
import { z } from 'zod'
import { ErrorBody } from './api-error.ts'
import * as assistants from './assistants.ts'
import { RunEvent } from './events.ts'
import { ImportReport } from './import-report.ts'
import { FileText } from './file-text.ts'
import * as files from './files.ts'
import { Health, Readiness } from './health.ts'
import { listSchema } from './lists.ts'
import { ObjectLocation } from './locations.ts'
import * as messages from './messages.ts'
import * as models from './models.ts'
import * as steps from './run-steps.ts'
import * as runs from './runs.ts'
import { ReloadReport, ServerInfo } from './server-info.ts'
import * as threads from './threads.ts'
import { AssistantTool, ToolRequest } from './tools.ts'
import * as uploads from './uploads.ts'
import * as stores from './vector-stores.ts'

/** Every event of a stream: those of runs, `error` and `done`. */
const StreamEvent = z.discriminatedUnion('event', [
  ...RunEvent.options,
  z.strictObject({ event: z.literal('error'), data: ErrorBody }),
  z.strictObject({ event: z.literal('done'), data: z.literal('[DONE]') }),
])

/** Request bodies. */
export const requests = {
  CreateAssistantRequest: assistants.CreateAssistantRequest,
  ModifyAssistantRequest: assistants.ModifyAssistantRequest,
  CreateThreadRequest: threads.CreateThreadRequest,
  ModifyThreadRequest: threads.ModifyThreadRequest,
  ForkThreadRequest: threads.ForkThreadRequest,
  CreateMessageRequest: messages.CreateMessageRequest,
  ModifyMessageRequest: messages.ModifyMessageRequest,
  CreateRunRequest: runs.CreateRunRequest,
  CreateThreadAndRunRequest: runs.CreateThreadAndRunRequest,
  ModifyRunRequest: runs.ModifyRunRequest,
  SubmitToolOutputsRequest: runs.SubmitToolOutputsRequest,
  ToolRequest,
  CreateFileRequest: files.CreateFileRequest,
  CreateUploadRequest: uploads.CreateUploadRequest,
  CompleteUploadRequest: uploads.CompleteUploadRequest,
  CreateVectorStoreRequest: stores.CreateVectorStoreRequest,
  ModifyVectorStoreRequest: stores.ModifyVectorStoreRequest,
  CreateVectorStoreFileRequest: stores.CreateVectorStoreFileRequest,
  ModifyVectorStoreFileRequest: stores.ModifyVectorStoreFileRequest,
  CreateVectorStoreFileBatchRequest: stores.CreateVectorStoreFileBatchRequest,
  VectorStoreSearchRequest: stores.VectorStoreSearchRequest,
  SearchFilter: stores.SearchFilter,
  EmbeddingsRequest: models.EmbeddingsRequest,
  ChatCompletionsRequest: models.ChatCompletionsRequest,
} satisfies Record<string, z.ZodType>

/** Answers. */
export const answers = {
  Assistant: assistants.Assistant,
  AssistantList: listSchema(assistants.Assistant),
  AssistantDeleted: assistants.AssistantDeleted,
  AssistantTool,
  Thread: threads.Thread,
  ThreadList: listSchema(threads.ListedThread),
  ThreadDeleted: threads.ThreadDeleted,
  Message: messages.Message,
  MessageList: listSchema(messages.Message),
  MessageDeleted: messages.MessageDeleted,
  Run: runs.Run,
  RunList: listSchema(runs.Run),
  RunTrace: runs.RunTrace,
  VectorStore: stores.VectorStore,
  VectorStoreList: listSchema(stores.VectorStore),
  VectorStoreDeleted: stores.VectorStoreDeleted,
  VectorStoreFile: stores.VectorStoreFile,
  VectorStoreFileList: listSchema(stores.ListedVectorStoreFile),
  VectorStoreFileDeleted: stores.VectorStoreFileDeleted,
  VectorStoreFileContent: stores.VectorStoreFileContent,
  VectorStoreFileBatch: stores.VectorStoreFileBatch,
  VectorStoreSearchPage: stores.VectorStoreSearchPage,
  RunStep: steps.RunStep,
  RunStepList: listSchema(steps.RunStep),
  StreamEvent,
  File: files.FileObject,
  FileList: listSchema(files.FileObject),
  FileDeleted: files.FileDeleted,
  Upload: uploads.Upload,
  UploadPart: uploads.UploadPart,
  Model: models.Model,
  ModelList: models.ModelList,
  EmbeddingList: models.EmbeddingList,
  ObjectLocation,
  FileText,
  ImportReport,
  ServerInfo,
  ReloadReport,
  Health,
  Readiness,
  Error: ErrorBody,
} satisfies Record<string, z.ZodType>

export type RequestName = keyof typeof requests
export type AnswerName = keyof typeof answers
