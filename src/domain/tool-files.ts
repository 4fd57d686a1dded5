/** The files of a project as the tools of a run read and write them. */
import type { Readable } from 'node:stream'
import { fileNames, findFile } from '../sql/files.ts'
import type { Context } from './context.ts'
import { createFile } from './create-file.ts'
import { saveContent } from './save-content.ts'

export function toolFiles(context: Pick<Context, 'blobs' | 'clock' | 'db'>) {
  return {
    names: (project: string, ids: readonly string[]) => fileNames(context.db, project, ids),

    async open(project: string, id: string): Promise<Readable | undefined> {
      const file = await findFile(context.db, project, id)
      return file?.sha256 ? context.blobs.get(file.sha256) : undefined
    },

    async create(project: string, file: { filename: string; content: Readable }): Promise<string> {
      const content = await saveContent(context, file.content, {})
      const { filename } = file
      return (await createFile(context, { project, content, purpose: 'assistants_output', filename })).id
    },
  }
}
