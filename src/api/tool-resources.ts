/** `tool_resources`: the files and vector stores that tools may use. */
import { z } from 'zod'
import { ChunkingStrategyRequest } from './chunking.ts'
import { errors } from './errors.ts'
import { addIssue, id } from './fields.ts'
import { MetadataRequest } from './metadata.ts'

const codeInterpreter = z.strictObject({ file_ids: z.array(id('file')).max(20).default([]) })
const vector_store_ids = z.array(id('vector_store')).max(1)

/** A vector store that is created together with the assistant or thread. */
export const NewVectorStore = z.strictObject({
  file_ids: z.array(id('file')).max(10_000).default([]),
  chunking_strategy: ChunkingStrategyRequest.optional(),
  metadata: MetadataRequest,
})

/** In a create request: a vector store may be named or created, not both. */
export const CreateToolResources = z
  .strictObject({
    code_interpreter: codeInterpreter.optional(),
    file_search: z
      .strictObject({
        vector_store_ids: vector_store_ids.optional(),
        vector_stores: z.array(NewVectorStore).max(1).optional(),
      })
      .check(({ value, issues }) => {
        if (value.vector_store_ids === undefined || value.vector_stores === undefined) return
        addIssue(issues, value, (path) =>
          errors.mutuallyExclusive(`${path}.vector_store_ids`, `${path}.vector_stores`),
        )
      })
      .optional(),
  })
  .nullish()
export type CreateToolResources = z.output<typeof CreateToolResources>

/** In a modify request and in runs: vector stores can only be named. A tool that is absent is not changed. */
export const ModifyToolResources = z
  .strictObject({
    code_interpreter: codeInterpreter.optional(),
    file_search: z.strictObject({ vector_store_ids: vector_store_ids.default([]) }).optional(),
  })
  .nullish()

/** In the database and in answers. */
export const ToolResources = z.strictObject({
  code_interpreter: z.strictObject({ file_ids: z.array(z.string()) }).optional(),
  file_search: z.strictObject({ vector_store_ids: z.array(z.string()) }).optional(),
})
export type ToolResources = z.output<typeof ToolResources>
