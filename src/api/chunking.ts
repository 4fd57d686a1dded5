/** How a file is cut into chunks for search. */
import { z } from 'zod'
import { errors } from './errors.ts'
import { complain, integer } from './fields.ts'

const StaticSizes = z
  .strictObject({
    max_chunk_size_tokens: integer(100, 4096),
    chunk_overlap_tokens: integer(0),
  })
  .check(({ value, issues }) => {
    const { max_chunk_size_tokens, chunk_overlap_tokens } = value
    const most = Math.floor(max_chunk_size_tokens / 2)
    if (chunk_overlap_tokens <= most) return
    complain(issues, value, (path) =>
      errors.chunkOverlapTooBig(`${path}.chunk_overlap_tokens`, most, chunk_overlap_tokens),
    )
  })

export const ChunkingStrategyRequest = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('auto') }),
  z.strictObject({ type: z.literal('static'), static: StaticSizes }),
])
export type ChunkingStrategyRequest = z.output<typeof ChunkingStrategyRequest>

/** As it is echoed: `auto` shows as its sizes; `other` for files from before sizes were recorded. */
export const ChunkingStrategy = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('static'),
    static: z.strictObject({ max_chunk_size_tokens: z.int(), chunk_overlap_tokens: z.int() }),
  }),
  z.strictObject({ type: z.literal('other') }),
])
export type ChunkingStrategy = z.output<typeof ChunkingStrategy>

/** What `auto`, and saying nothing, stands for. */
export function expandChunkingStrategy(requested?: ChunkingStrategyRequest): ChunkingStrategy {
  if (requested?.type === 'static') return { type: 'static', static: { ...requested.static } }
  return { type: 'static', static: { max_chunk_size_tokens: 800, chunk_overlap_tokens: 400 } }
}
