/** The state of the server as a sign with words; when it comes back, everything shown is read again. */
import { Tooltip } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { Link } from 'wouter'
import { queryClient } from './api/queries.ts'

export interface Readiness {
  ready: boolean
  database: { status: string; description: string }
  model: { description: string; demo: boolean }
  sandbox: { driver: string | null; why?: string }
}

export function useReadiness() {
  return useQuery({
    queryKey: ['readiness'],
    queryFn: async (): Promise<Readiness> => (await fetch('/readyz')).json() as Promise<Readiness>,
    refetchInterval: (query) => (query.state.status === 'error' || !query.state.data?.ready ? 1500 : 10_000),
    retry: false,
  })
}

export function ServerState() {
  const { data, isError } = useReadiness()
  const isUp = data?.ready === true && !isError
  const wasUp = useRef(true)
  useEffect(() => {
    if (isUp && !wasUp.current) void queryClient.invalidateQueries()
    wasUp.current = isUp || data === undefined
  }, [isUp, data])
  const words = isError
    ? 'Server unavailable, reconnecting'
    : !data
      ? 'Connecting'
      : !data.ready
        ? 'Database away'
        : data.model.demo
          ? 'Ready, demo model'
          : 'Ready'
  const tone = isUp ? (data.model.demo ? 'warn' : 'good') : data || isError ? 'bad' : 'dim'
  return (
    <span role="status">
      <Tooltip
        label={data ? `${data.model.description}; ${data.database.description}` : words}
        multiline
        maw={380}
      >
        <Link href="/server" className={`server-state ${tone}`}>
          <span className="dot" aria-hidden />
          <span>{words}</span>
        </Link>
      </Tooltip>
    </span>
  )
}
