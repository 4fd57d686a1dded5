/** A run from the server, or as the event log has it while it is followed. */
import { useQuery } from '@tanstack/react-query'
import { openai } from '../api/client.ts'
import { keys } from '../api/queries.ts'
import type { Run } from '../api/types.ts'
import type { Snapshot } from '../live/run-feed.ts'

export function useRun(
  thread_id: string | undefined,
  run_id: string | undefined,
  live: Snapshot | undefined,
) {
  const query = useQuery({
    queryKey: keys.run(run_id ?? ''),
    queryFn: (): Promise<Run> =>
      openai().beta.threads.runs.retrieve(run_id ?? '', { thread_id: thread_id ?? '' }),
    enabled: thread_id !== undefined && run_id !== undefined,
  })
  const followed = live?.state.run
  return { ...query, run: followed?.id === run_id && followed ? followed : query.data }
}
