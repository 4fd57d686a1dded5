/** Files that messages bring along: they must be there, and those for code_interpreter become the thread's. */
import { errors } from '../api/errors.ts'
import type { CreateMessageRequest } from '../api/messages.ts'
import type { CreateToolResources, ToolResources } from '../api/tool-resources.ts'
import type { Queryable } from '../database/database.ts'
import { shareFiles, type FileRow } from '../sql/files.ts'
import { checkSearchable } from './attach-store-file.ts'
import { searchedFiles } from './search-resources.ts'

type Requests = readonly CreateMessageRequest[] | null | undefined

/** Purposes whose files may be shown to a model as images. */
const imagePurposes: ReadonlySet<string> = new Set(['vision', 'user_data', 'assistants', 'assistants_output'])

interface FileUse {
  file_id: string
  /** Where an image is named; undefined for attachments, which may be anything. */
  imagePath?: string
}

/**
 * Throws 404 for the first file in `tool_resources` that is none of the project's; the others cannot be deleted
 * while `tx` lasts.
 */
export async function checkResourceFiles(
  tx: Queryable,
  project: string,
  resources: CreateToolResources | undefined,
): Promise<void> {
  const ids = resources?.code_interpreter?.file_ids ?? []
  await checkUses(
    tx,
    project,
    ids.map((file_id) => ({ file_id })),
  )
}

/** Whether messages or resources name any file, so that those without need no transaction for it. */
export function nameFiles(requests: Requests, ...resources: (CreateToolResources | undefined)[]): boolean {
  if (resources.some((one) => (one?.code_interpreter?.file_ids.length ?? 0) > 0)) return true
  return (requests ?? []).some((request) => usesOf(request, '').length > 0)
}

/**
 * Checks the images and attachments of messages, the list of which stands at `path`, or of one message where that is
 * undefined. Comes before the thread's lock: whoever deletes a file locks it first and its threads afterwards.
 */
export async function checkMessageFiles(
  tx: Queryable,
  project: string,
  requests: Requests,
  path?: string,
): Promise<void> {
  const uses = (requests ?? []).flatMap((request, index) =>
    usesOf(request, path === undefined ? '' : `${path}[${index}].`),
  )
  const files = await checkUses(tx, project, uses)
  checkSearchable(files, searchedFiles(requests))
}

async function checkUses(
  tx: Queryable,
  project: string,
  uses: readonly FileUse[],
): Promise<ReadonlyMap<string, FileRow>> {
  if (uses.length === 0) return new Map()
  const files = await shareFiles(tx, project, [...new Set(uses.map((use) => use.file_id))], {
    deleting: 'wait',
  })
  for (const { file_id, imagePath } of uses) {
    const file = files.get(file_id)
    if (!file) throw errors.notFound('file', file_id)
    if (imagePath === undefined) continue
    if (file.image_type === null || !imagePurposes.has(file.purpose)) {
      throw errors.unsupportedImageFile(imagePath, file_id)
    }
  }
  return files
}

function usesOf(request: CreateMessageRequest, prefix: string): FileUse[] {
  const parts = typeof request.content === 'string' ? [] : request.content
  const images = parts.flatMap((part, index): FileUse[] => {
    if (part.type !== 'image_file') return []
    return [{ file_id: part.image_file.file_id, imagePath: `${prefix}content[${index}].image_file.file_id` }]
  })
  const attached = (request.attachments ?? []).map(({ file_id }) => ({ file_id }))
  return [...images, ...attached]
}

/** The resources of a thread whose lock is held, as a copy of the thread may have them: without files that are gone. */
export async function copyResources(
  tx: Queryable,
  project: string,
  resources: ToolResources,
): Promise<ToolResources> {
  const { code_interpreter } = resources
  if (!code_interpreter) return resources
  const files = await shareFiles(tx, project, code_interpreter.file_ids, { deleting: 'gone' })
  const file_ids = code_interpreter.file_ids.filter((id) => files.has(id))
  return { ...resources, code_interpreter: { file_ids } }
}

/** The files that messages attach for code_interpreter, each once. */
export function interpreterFiles(requests: Requests): string[] {
  const attachments = (requests ?? []).flatMap((request) => request.attachments ?? [])
  const forInterpreter = attachments.filter(({ tools }) =>
    tools.some((tool) => tool.type === 'code_interpreter'),
  )
  return [...new Set(forInterpreter.map((one) => one.file_id))]
}

/** A thread's resources with more files for code_interpreter. Attachments may bring more than a request may name. */
export function withInterpreterFiles(resources: ToolResources, file_ids: readonly string[]): ToolResources {
  if (file_ids.length === 0) return resources
  const { code_interpreter, ...others } = resources
  return {
    code_interpreter: { file_ids: [...new Set([...(code_interpreter?.file_ids ?? []), ...file_ids])] },
    ...others,
  }
}
