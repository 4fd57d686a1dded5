/** Vector stores, the files in them, their batches, and search with its filters. */
import { z } from 'zod'
import { ChunkingStrategy, ChunkingStrategyRequest } from './chunking.ts'
import { errors } from './errors.ts'
import { at, atOrNull, addIssue, decimal, deletion, id, integer, text } from './fields.ts'
import { Attributes, AttributesRequest, Metadata, MetadataRequest } from './metadata.ts'
import { ScoreParts } from './run-work.ts'

export const FileCounts = z.strictObject({
  in_progress: z.int(),
  completed: z.int(),
  failed: z.int(),
  cancelled: z.int(),
  total: z.int(),
})
export type FileCounts = z.output<typeof FileCounts>

const Expiry = z.strictObject({ anchor: z.enum(['last_active_at']), days: integer(1, 365) })

export const VectorStore = z.strictObject({
  id: z.string(),
  object: z.literal('vector_store'),
  created_at: at,
  name: z.string().nullable(),
  description: z.string().nullable(),
  usage_bytes: z.int(),
  file_counts: FileCounts,
  status: z.enum(['in_progress', 'completed', 'expired']),
  expires_after: z.strictObject({ anchor: z.literal('last_active_at'), days: z.int() }).nullable(),
  expires_at: atOrNull,
  last_active_at: at,
  metadata: Metadata,
})
export type VectorStore = z.output<typeof VectorStore>

export const CreateVectorStoreRequest = z.strictObject({
  file_ids: z.array(id('file')).max(500).default([]),
  name: text({ max: 256 }).optional(),
  description: text({ max: 512 }).optional(),
  expires_after: Expiry.optional(),
  chunking_strategy: ChunkingStrategyRequest.optional(),
  metadata: MetadataRequest,
})
export type CreateVectorStoreRequest = z.output<typeof CreateVectorStoreRequest>

/** Absent means unchanged; null clears. */
export const ModifyVectorStoreRequest = z.strictObject({
  name: text({ max: 256 }).nullish(),
  description: text({ max: 512 }).nullish(),
  expires_after: Expiry.nullish(),
  metadata: MetadataRequest,
})
export type ModifyVectorStoreRequest = z.output<typeof ModifyVectorStoreRequest>

export const VectorStoreDeleted = deletion('vector_store.deleted')

export const VectorStoreFileStatus = z.enum(['in_progress', 'completed', 'cancelled', 'failed'])
export type VectorStoreFileStatus = z.output<typeof VectorStoreFileStatus>

export const VectorStoreFileError = z.strictObject({
  code: z.enum(['server_error', 'unsupported_file', 'invalid_file']),
  message: z.string(),
})
export type VectorStoreFileError = z.output<typeof VectorStoreFileError>

/** `id` is the file's own id. */
export const VectorStoreFile = z.strictObject({
  id: z.string(),
  object: z.literal('vector_store.file'),
  usage_bytes: z.int(),
  created_at: at,
  vector_store_id: z.string(),
  status: VectorStoreFileStatus,
  last_error: VectorStoreFileError.nullable(),
  chunking_strategy: ChunkingStrategy,
  attributes: Attributes,
})
export type VectorStoreFile = z.output<typeof VectorStoreFile>

/** A file of a list; beyond the original API, with its ingest progress where the request includes it. */
export const ListedVectorStoreFile = VectorStoreFile.extend({
  progress: z
    .strictObject({ chunks: z.int().nullable(), embedded: z.int(), warnings: z.array(z.string()) })
    .optional(),
})
export type ListedVectorStoreFile = z.output<typeof ListedVectorStoreFile>

export const CreateVectorStoreFileRequest = z.strictObject({
  file_id: id('file'),
  chunking_strategy: ChunkingStrategyRequest.optional(),
  attributes: AttributesRequest.nullish(),
})
export type CreateVectorStoreFileRequest = z.output<typeof CreateVectorStoreFileRequest>

/** Replaces all attributes; null is the same as `{}`. */
export const ModifyVectorStoreFileRequest = z.strictObject({ attributes: AttributesRequest.nullable() })
export type ModifyVectorStoreFileRequest = z.output<typeof ModifyVectorStoreFileRequest>

export const VectorStoreFileDeleted = deletion('vector_store.file.deleted')

export const VectorStoreFileContent = z.strictObject({
  object: z.literal('vector_store.file_content.page'),
  data: z.array(z.strictObject({ type: z.literal('text'), text: z.string() })),
  has_more: z.literal(false),
  next_page: z.null(),
})

export const VectorStoreFileBatch = z.strictObject({
  id: z.string(),
  object: z.literal('vector_store.file_batch'),
  created_at: at,
  status: z.enum(['in_progress', 'completed', 'cancelled', 'failed']),
  vector_store_id: z.string(),
  file_counts: FileCounts,
})
export type VectorStoreFileBatch = z.output<typeof VectorStoreFileBatch>

const maxBatch = 2000

/** Either `file_ids`, with settings for all of them, or `files`, each with its own. */
export const CreateVectorStoreFileBatchRequest = z
  .strictObject({
    file_ids: z.array(id('file')).min(1).max(maxBatch).optional(),
    files: z.array(CreateVectorStoreFileRequest).min(1).max(maxBatch).optional(),
    chunking_strategy: ChunkingStrategyRequest.optional(),
    attributes: AttributesRequest.nullish(),
  })
  .check(({ value, issues }) => {
    const { file_ids, files, chunking_strategy, attributes } = value
    if (!file_ids && !files) return addIssue(issues, value, () => errors.missingParameter('file_ids'))
    if (!files) return
    if (file_ids) return addIssue(issues, value, () => errors.mutuallyExclusive('file_ids', 'files'))
    if (chunking_strategy) {
      return addIssue(issues, value, () => errors.mutuallyExclusive('files', 'chunking_strategy'))
    }
    if (attributes) addIssue(issues, value, () => errors.mutuallyExclusive('files', 'attributes'))
  })
export type CreateVectorStoreFileBatchRequest = z.output<typeof CreateVectorStoreFileBatchRequest>

const scalar = 'one of a string, number, boolean, or array'

/** Types are compared strictly: `"5"` is not 5. */
export const ComparisonFilter = z.strictObject({
  type: z.enum(['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'nin']),
  key: text(),
  value: z.union(
    [
      text(),
      z.number(),
      z.boolean(),
      z.array(z.union([text(), z.number()], { error: 'one of a string or number' })),
    ],
    { error: scalar },
  ),
})
export type ComparisonFilter = z.output<typeof ComparisonFilter>

export interface CompoundFilter {
  type: 'and' | 'or'
  filters: SearchFilter[]
}
export type SearchFilter = ComparisonFilter | CompoundFilter

const CompoundFilter = z.strictObject({
  type: z.enum(['and', 'or']),
  get filters(): z.ZodArray<z.ZodType<SearchFilter>> {
    return z.array(SearchFilter).min(1)
  },
})
export const SearchFilter: z.ZodType<SearchFilter> = z.discriminatedUnion('type', [
  ComparisonFilter,
  CompoundFilter,
])

export const VectorStoreSearchRequest = z.strictObject({
  query: z.union([text({ min: 1 }), z.array(text({ min: 1 })).min(1)], {
    error: 'one of a string or array of strings',
  }),
  rewrite_query: z.boolean().default(false),
  max_num_results: integer(1, 50).default(10),
  filters: SearchFilter.optional(),
  ranking_options: z
    .strictObject({
      ranker: z.enum(['none', 'auto', 'default-2024-11-15']).default('auto'),
      score_threshold: decimal(0, 1).default(0),
    })
    .optional(),
})
export type VectorStoreSearchRequest = z.output<typeof VectorStoreSearchRequest>

/** One entry for each chunk, so a file may occur several times. */
const VectorStoreSearchResult = z.strictObject({
  file_id: z.string(),
  filename: z.string(),
  score: z.number(),
  attributes: Attributes.nullable(),
  content: z.array(z.strictObject({ type: z.literal('text'), text: z.string() })),
  /** Beyond the original API, where the request includes them: the parts of the score, and the place in the file. */
  scores: ScoreParts.optional(),
  page: z.int().optional(),
  slide: z.int().optional(),
  heading: z.string().optional(),
})

/** Beyond the original API. */
export const SearchQuery = z.object({ include: z.array(z.enum(['scores'])).default([]) })

export const VectorStoreSearchPage = z.strictObject({
  object: z.literal('vector_store.search_results.page'),
  search_query: z.array(z.string()),
  data: z.array(VectorStoreSearchResult),
  has_more: z.literal(false),
  next_page: z.null(),
})
export type VectorStoreSearchPage = z.output<typeof VectorStoreSearchPage>
