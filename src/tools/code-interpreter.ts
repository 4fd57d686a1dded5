/** code_interpreter: Python in the sandbox session of the thread. */
import type { CodeInterpreterOutput, CodeInterpreterToolCall } from '../api/run-steps.ts'
import type { Queryable } from '../database/database.ts'
import type { SandboxSession } from '../sandbox/port.ts'
import { SandboxUnavailable, type Sandbox } from '../sandbox/sandbox.ts'
import type { PooledSession } from '../sandbox/session-pool.ts'
import { takeSession } from '../sql/leases.ts'
import type { RunRow } from '../sql/runs.ts'
import { findThread } from '../sql/threads.ts'
import { plainFileName } from '../util/file-name.ts'
import { CellOutputs } from './cell-outputs.ts'
import { CodeReader, readCode } from './code-arguments.ts'
import {
  ToolFailure,
  type CallDelta,
  type Tool,
  type ToolCall,
  type ToolContext,
  type ToolFiles,
  type ToolOutcome,
} from './port.ts'

export interface CodeInterpreterParts {
  db: Queryable
  files: ToolFiles
  sandbox: Sandbox
  /** The id of this process, which is stored in the threads whose session it holds. */
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
    async offer(_tool, row) {
      const ids = await fileIds(parts.db, row)
      const names = await parts.files.names(row.project, ids)
      return {
        type: 'code_interpreter',
        chat: {
          type: 'function',
          function: { name: 'code_interpreter', description: describe(parts.sandbox), parameters },
        },
        ...(names.size > 0 && { preamble: listFiles(names) }),
        begin: (id) => codeCall(id, ''),
        reader: () => {
          const code = new CodeReader()
          return (fragment) => inputDelta(code.read(fragment))
        },
        complete: (id, argumentsText) => codeCall(id, readCode(argumentsText).code),
        run: (call, context) => runCall({ ...parts, sessionFiles }, call, context),
      }
    },
  }
}

function describe(sandbox: Sandbox): string {
  const { libraries } = sandbox.describe()
  let has = 'Only the standard library is installed.'
  // The sandbox may still be starting. A run that executes no code must not wait for it.
  if (!libraries) has = 'Besides the standard library, numpy, pandas and matplotlib may be installed.'
  else if (libraries.length > 0) has = `Installed besides the standard library: ${libraries.join(', ')}.`
  return (
    'Runs a cell of Python code and returns what it printed and the value of its last expression. Variables ' +
    `persist between cells. ${has} There is no network. Files are in /mnt/data; matplotlib figures that are shown, ` +
    'and files written there, are shown to the user: link to a file as sandbox:/mnt/data/NAME.'
  )
}

function listFiles(names: ReadonlyMap<string, string>): string {
  const lines = [...names].map(([id, name]) => `- /mnt/data/${id} (${name})`)
  return `Files for code_interpreter:\n${lines.join('\n')}`
}

function inputDelta(input: string): CallDelta | undefined {
  return input === '' ? undefined : { type: 'code_interpreter', code_interpreter: { input } }
}

/** The files of the assistant and of the thread, each once. */
async function fileIds(db: Queryable, row: RunRow): Promise<string[]> {
  const thread = await findThread(db, row.project, row.thread_id)
  const ofThread = thread?.tool_resources.code_interpreter?.file_ids ?? []
  const ofRun = row.settings.resources.code_interpreter?.file_ids ?? []
  return [...new Set([...ofRun, ...ofThread])]
}

async function runCall(
  parts: CodeInterpreterParts & { sessionFiles: SessionFiles },
  call: ToolCall,
  context: ToolContext,
): Promise<ToolOutcome> {
  const { db, files, sandbox, sessionFiles, worker } = parts
  const { row, signal } = context
  const { code, problem } = readCode(call.arguments)
  const outputs = new CellOutputs(files, context)
  if (problem !== undefined) {
    outputs.logs(`${problem}\n`)
    return { call: codeCall(call.id, code, outputs.list), output: problem }
  }
  const ids = await fileIds(db, row)
  const work = async ({ session, fresh, reason }: PooledSession) => {
    if (fresh) {
      // The session is new in this process, but the thread may have had one in another process that has ended.
      const before = await takeSession(db, row.thread_id, worker)
      if (reason !== 'new' || before !== null) outputs.logs(restarted)
    }
    await sessionFiles.put(session, { row, ids, fresh })
    await session.run(code, (event) => outputs.add(event), signal)
    await outputs.store(session)
  }
  await sandbox.use(row.thread_id, work, signal).catch((error: unknown) => {
    if (!(error instanceof SandboxUnavailable)) throw error
    throw new ToolFailure(`code_interpreter cannot run: ${error.message}`)
  })
  signal.throwIfAborted()
  return {
    call: codeCall(call.id, code, outputs.list),
    output: outputs.forModel(),
    marks: outputs.marks,
    image_file_ids: outputs.imageFileIds,
  }
}

const restarted =
  'The Python session was restarted: variables of earlier cells are gone, attached files are still there.\n'

/** File systems refuse longer names. */
const maxFileNameBytes = 255

/** Remembers the files of each session for as long as the session object exists. */
class SessionFiles {
  readonly #files: ToolFiles
  readonly #present = new WeakMap<SandboxSession, Set<string>>()

  constructor(files: ToolFiles) {
    this.#files = files
  }

  /** Each file is stored under its id, and is linked under its own name unless another file has that name. */
  async put(
    session: SandboxSession,
    { row, ids, fresh }: { row: RunRow; ids: readonly string[]; fresh: boolean },
  ): Promise<void> {
    const present = (fresh ? undefined : this.#present.get(session)) ?? new Set<string>()
    this.#present.set(session, present)
    const missing = ids.filter((id) => !present.has(id))
    const names = await this.#files.names(row.project, missing)
    for (const id of missing) {
      const content = await this.#files.open(row.project, id)
      if (!content) continue
      await session.put(id, content)
      present.add(id)
      const alias = plainFileName(names.get(id) ?? '')
      if (alias === undefined || Buffer.byteLength(alias) > maxFileNameBytes || present.has(alias)) continue
      await session.link(id, alias)
      present.add(alias)
    }
  }
}
