/** Errors about objects: not found, locked, in the wrong state, or in conflict with one another. */
import { badRequest, refusal } from './api-error.ts'

/** The name of each kind of object in the not-found text. */
const objectNames = {
  assistant: 'assistant',
  thread: 'thread',
  message: 'message',
  run: 'run',
  step: 'run step',
  vector_store: 'vector store',
  file_batch: 'file batch',
  file: 'file',
  upload: 'upload',
  part: 'upload part',
  /** An object of any kind. */
  object: 'object',
} as const

export type ObjectKind = keyof typeof objectNames

/** A list as Python prints it: `['a', 'b']`. */
function pythonList(values: readonly string[]): string {
  const printed = values.map((value) => {
    const escaped = value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
    if (!escaped.includes("'")) return `'${escaped}'`
    return escaped.includes('"') ? `'${escaped.replaceAll("'", "\\'")}'` : `"${escaped}"`
  })
  return `[${printed.join(', ')}]`
}

export const objectErrors = {
  notFound: refusal(404, null, "No {object} found with id '{id}'.", (kind: ObjectKind, id: string) => ({
    values: { object: objectNames[kind], id },
  })),
  /** The Files API has its own text, and repeats it under `detail`. */
  fileNotFound: refusal(404, null, 'No such File object: {id}', { param: 'id', detail: true }),
  fileNotInVectorStore: refusal(
    404,
    null,
    "No file found with id '{fileId}' in vector store '{vectorStoreId}'.",
  ),
  /** `GET` and `DELETE /models/{model}`, and the endpoints that pass a request to a model. */
  modelNotFound: refusal(404, 'model_not_found', "The model '{name}' does not exist", { param: 'model' }),
  /** An assistant or a run names a model that does not exist. */
  requestedModelNotFound: badRequest('model_not_found', "The requested model '{name}' does not exist.", {
    param: 'model',
  }),

  /** A message is added to or deleted from a thread that has an active run. */
  threadLocked: badRequest(null, "Can't add messages to {threadId} while a run {runId} is active."),
  /** A second run is created on a thread that has an active run. */
  activeRun: badRequest(null, 'Thread {threadId} already has an active run {runId}.'),
  invalidThread: badRequest(
    'invalid_thread',
    'Run creation requires a Thread with a user message or an assistant with instructions.',
  ),
  toolOutputsNotAccepted: badRequest(null, 'Runs in status "{status}" do not accept tool outputs.'),
  toolOutputsMismatch: badRequest(
    null,
    'Expected tool outputs for call_ids {expected}, got {got}',
    (expected: readonly string[], got: readonly string[]) => ({
      values: { expected: pythonList(expected), got: pythonList(got) },
    }),
  ),
  cannotCancel: badRequest(null, "Cannot cancel run with status '{status}'."),

  jsonSchemaNeedsFunctions: badRequest(
    null,
    'Invalid tools: all tools must be of type `function` when `response_format` is of type `json_schema`.',
  ),
  invalidFunctionSchema: badRequest(
    'invalid_function_parameters',
    "Invalid schema for function '{name}': {reason}",
    (path: string, name: string, reason: string) => ({ values: { name, reason }, param: path }),
  ),
  invalidResponseSchema: badRequest(null, "Invalid schema for response_format '{name}': {reason}", {
    param: 'response_format',
  }),
  duplicateFunction: badRequest(
    'invalid_value',
    "Invalid 'tools': the function name '{name}' is used more than once.",
    { param: 'tools' },
  ),
  duplicateTool: badRequest('invalid_value', "Invalid 'tools': the tool '{type}' is given more than once.", {
    param: 'tools',
  }),
  /** Ours: the model could not distinguish the function from the built-in tool. */
  reservedFunctionName: badRequest(
    'invalid_value',
    "Invalid '{path}': '{name}' is the name of a built-in tool. Give the function another name.",
  ),
  toolChoiceAbsent: badRequest(
    'invalid_value',
    "Invalid value for 'tool_choice': {choice} is not in 'tools'.",
    { param: 'tool_choice' },
  ),
  toolChoiceNeedsTools: badRequest(
    'invalid_value',
    "Invalid value for 'tool_choice': 'required' is only allowed when 'tools' are given.",
    { param: 'tool_choice' },
  ),

  vectorStoreExpired: badRequest(null, "Vector store '{id}' has expired."),
  /** Ours: the vectors of one embedder cannot be compared with those of another. */
  embedderChanged: badRequest(
    null,
    "Vector store '{id}' was created with the embedder '{made}', and this server uses '{current}'. Configure the former embedder, or run 'npm run reindex' on the server to embed its files again.",
  ),
  unsupportedFile: badRequest(
    'unsupported_file',
    'Files with extensions [{extensions}] are not supported for retrieval. See https://platform.openai.com/docs/assistants/tools/file-search/supported-files',
    (extensions: readonly string[], param?: string) => ({
      values: { extensions: extensions.join(', ') },
      param: param ?? 'file_ids',
    }),
  ),
  unsupportedImageFile: badRequest(
    'unsupported_file',
    "Invalid '{path}': the file '{id}' is not an image that a model can read.",
  ),
  /** Ours: an imported file whose content is missing. */
  contentNotImported: refusal(
    404,
    null,
    "The content of the file '{id}' is not on this server: the file was imported without it. Import it with 'spool import … --files FOLDER'.",
  ),
  downloadForbidden: badRequest(null, 'Not allowed to download files of purpose: {purpose}', {
    detail: true,
  }),
  /** Ours: a range that begins after the last byte. */
  rangeNotSatisfiable: refusal(
    416,
    null,
    'The range lies outside the {bytes} bytes of the file.',
    (bytes: number) => ({
      values: { bytes },
      detail: true,
      headers: { 'content-range': `bytes */${bytes}`, 'accept-ranges': 'bytes' },
    }),
  ),
  fileTooLarge: refusal(413, null, 'File is too large: the maximum size is {limit} bytes.', {
    param: 'file',
    detail: true,
  }),
  emptyFile: badRequest(null, "The file is empty - 'file'", { param: 'file', detail: true }),

  uploadNotPending: badRequest(null, "Upload {id} is not pending: its status is '{status}'."),
  uploadBytesMismatch: badRequest(
    null,
    "The total bytes of uploaded parts ({total}) does not match the upload's declared bytes ({declared}).",
  ),
  uploadMd5Mismatch: badRequest(
    null,
    "The md5 checksum of the uploaded parts ({actual}) does not match the given 'md5' ({given}).",
    { param: 'md5' },
  ),
  duplicatePart: badRequest('invalid_value', "Invalid 'part_ids': the part '{id}' is given more than once.", {
    param: 'part_ids',
  }),
  partTooLarge: refusal(413, null, 'Part is too large: the maximum size is {limit} bytes.', {
    param: 'data',
  }),
}
