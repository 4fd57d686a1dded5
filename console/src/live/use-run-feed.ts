/** Hooks for a run that is followed live. */
import { useEffect, useState, useSyncExternalStore } from 'react'
import { RunFeed, type Snapshot } from './run-feed.ts'

const never = () => () => {}

/** Follows the run while it is mounted; undefined while there is none to follow. */
export function useRunFeed(thread_id: string | undefined, run_id: string | undefined): Snapshot | undefined {
  const [feed, setFeed] = useState<RunFeed>()
  useEffect(() => {
    if (thread_id === undefined || run_id === undefined) {
      setFeed(undefined)
      return
    }
    const opened = new RunFeed(thread_id, run_id)
    setFeed(opened)
    return () => opened.close()
  }, [thread_id, run_id])
  return useSyncExternalStore(feed?.subscribe ?? never, () => feed?.snapshot())
}
