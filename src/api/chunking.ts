/** How a file is split into chunks for search. */
import { z } from 'zod'
import { errors } from './errors.ts'
import { addIssue, integer } from './fields.ts'

const StaticSizes = z
  .strictObject({
    max_chunk_size_tokens: integer(100, 4096),
    chunk_overlap_tokens: integer(0),
  })
  .check(({ value, issues }) => {
    const { max_chunk_size_tokens, chunk_overlap_tokens } = value
    const most = Math.floor(max_chunk_size_tokens / 2)
    if (chunk_overlap_tokens <= most) return
    addIssue(issues, value, (path) =>
      errors.chunkOverlapTooBig(`${path}.chunk_overlap_tokens`, most, chunk_overlap_tokens),
    )
  })

export const ChunkingStrategyRequest = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('auto') }),
  z.strictObject({ type: z.literal('static'), static: StaticSizes }),
])
export type ChunkingStrategyRequest = z.output<typeof ChunkingStrategyRequest>

/** In answers: `auto` is shown as its sizes; `other` is for files that were added before sizes were recorded. */
export const ChunkingStrategy = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('static'),
    static: z.strictObject({ max_chunk_size_tokens: z.int(), chunk_overlap_tokens: z.int() }),
  }),
  z.strictObject({ type: z.literal('other') }),
])
export type ChunkingStrategy = z.output<typeof ChunkingStrategy>

/** The strategy that is used: `auto` and an absent strategy have fixed sizes. */
export function expandChunkingStrategy(requested?: ChunkingStrategyRequest): ChunkingStrategy {
  if (requested?.type === 'static') return { type: 'static', static: { ...requested.static } }
  return { type: 'static', static: { max_chunk_size_tokens: 800, chunk_overlap_tokens: 400 } }
}
