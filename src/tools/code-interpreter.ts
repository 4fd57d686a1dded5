/** code_interpreter: Python in the sandbox session of the thread. */
import type { CodeInterpreterOutput, CodeInterpreterToolCall } from '../api/run-steps.ts'
import { abortable } from '../sandbox/key-lock.ts'
import type { Sandboxes } from '../sandbox/sandboxes.ts'
import type { Queryable } from '../database/database.ts'
import { takeSession } from '../sql/leases.ts'
import type { RunRow } from '../sql/runs.ts'
import { findThread } from '../sql/threads.ts'
import { CellOutputs } from './cell-outputs.ts'
import { FieldReader, wholeField } from './json-field.ts'
import {
  ToolFailure,
  type Tool,
  type ToolCall,
  type ToolContext,
  type ToolFiles,
  type ToolOutcome,
} from './port.ts'
import { SessionFiles } from './session-files.ts'

export interface CodeInterpreterParts {
  db: Queryable
  files: ToolFiles
  /** Resolves when the sandbox has been chosen: runs that need it wait. */
  sandboxes: Promise<Sandboxes>
  /** This process, as the threads whose sessions it holds name it. */
  worker: string
}

const parameters = {
  type: 'object',
  properties: { code: { type: 'string', description: 'The Python code of the cell.' } },
  required: ['code'],
  additionalProperties: false,
}

function codeCall(id: string, input: string, outputs: CodeInterpreterOutput[] = []): CodeInterpreterToolCall {
  return { id, type: 'code_interpreter', code_interpreter: { input, outputs } }
}

export function codeInterpreterTool(parts: CodeInterpreterParts): Tool {
  const sessionFiles = new SessionFiles(parts.files)
  return {
    type: 'code_interpreter',
    async offer(_tool, row, signal) {
      const sandboxes = await abortable(parts.sandboxes, signal)
      const ids = await fileIds(parts.db, row)
      const names = await parts.files.names(row.project, ids)
      return {
        type: 'code_interpreter',
        chat: {
          type: 'function',
          function: { name: 'code_interpreter', description: describe(sandboxes), parameters },
        },
        ...(names.size > 0 && { preamble: listFiles(names) }),
        begin: (id) => codeCall(id, ''),
        reader: () => {
          const code = new FieldReader('code')
          return (fragment) => inputDelta(code.read(fragment))
        },
        complete: (id, argumentsText) => codeCall(id, wholeField(argumentsText, 'code')),
        run: (call, context) => runCall({ ...parts, sandboxes, sessionFiles }, call, context),
      }
    },
  }
}

function describe(sandboxes: Sandboxes): string {
  const { libraries } = sandboxes.describe()
  const has =
    libraries.length > 0
      ? `Installed beside the standard library: ${libraries.join(', ')}.`
      : 'Only the standard library is installed.'
  return (
    'Runs a cell of Python code and answers with what it printed and the value of its last expression. Variables ' +
    `live on between cells. ${has} There is no network. Files are in /mnt/data; matplotlib figures that are shown, ` +
    'and files written there, are handed to the user: link to a file as sandbox:/mnt/data/NAME.'
  )
}

function listFiles(names: ReadonlyMap<string, string>): string {
  const lines = [...names].map(([id, name]) => `- /mnt/data/${id} (${name})`)
  return `Files for code_interpreter:\n${lines.join('\n')}`
}

function inputDelta(input: string): object | undefined {
  return input === '' ? undefined : { type: 'code_interpreter', code_interpreter: { input } }
}

/** The assistant's files and the thread's, each once. */
async function fileIds(db: Queryable, row: RunRow): Promise<string[]> {
  const thread = await findThread(db, row.project, row.thread_id)
  const ofThread = thread?.tool_resources.code_interpreter?.file_ids ?? []
  const ofRun = row.settings.resources.code_interpreter?.file_ids ?? []
  return [...new Set([...ofRun, ...ofThread])]
}

async function runCall(
  parts: Omit<CodeInterpreterParts, 'sandboxes'> & { sandboxes: Sandboxes; sessionFiles: SessionFiles },
  call: ToolCall,
  context: ToolContext,
): Promise<ToolOutcome> {
  const { db, files, sandboxes, sessionFiles, worker } = parts
  const { row, signal } = context
  const state = sandboxes.describe()
  if (!state.driver)
    throw new ToolFailure(`code_interpreter cannot run: ${state.why ?? 'there is no sandbox.'}`)
  const code = wholeField(call.arguments, 'code')
  const ids = await fileIds(db, row)
  const outputs = new CellOutputs(files, context)
  await sandboxes.use(
    row.thread_id,
    async ({ session, fresh, reason }) => {
      if (fresh) {
        // In this process the thread may be new, and yet have had a session in one that is gone.
        const before = await takeSession(db, row.thread_id, worker)
        if (reason !== 'new' || before !== null) outputs.logs(begunAnew)
      }
      await sessionFiles.put(session, { row, ids, fresh })
      await session.run(code, (event) => outputs.add(event), signal)
      await outputs.keep(session)
    },
    signal,
  )
  signal.throwIfAborted()
  return {
    call: codeCall(call.id, code, outputs.list),
    output: outputs.forModel(),
    marks: outputs.marks,
    image_file_ids: outputs.imageFileIds,
  }
}

const begunAnew =
  'The Python session was begun anew: variables of earlier cells are gone, attached files are back.\n'
