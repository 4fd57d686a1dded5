/** The queries of the views, and the keys of their cached results. */
import {
  QueryClient,
  useInfiniteQuery,
  useQuery,
  type InfiniteData,
  type UseInfiniteQueryResult,
} from '@tanstack/react-query'
import { isOver } from '../live/run-state.ts'
import { call, failureOf, openai, queryText } from './client.ts'
import type {
  FileObject,
  Message,
  Page,
  Run,
  RunStep,
  RunTrace,
  VectorStore,
  VectorStoreFile,
} from './types.ts'

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // A refusal will not change by asking again; a server that is away may be back.
      retry: (count, error) => count < 2 && failureOf(error).status === undefined,
      staleTime: 5_000,
      refetchOnWindowFocus: true,
    },
  },
})

export const keys = {
  assistants: ['assistants'] as const,
  assistant: (id: string) => ['assistants', id] as const,
  threads: ['threads'] as const,
  thread: (id: string) => ['threads', id] as const,
  messages: (id: string) => ['messages', id] as const,
  threadRuns: (id: string) => ['thread-runs', id] as const,
  runs: ['runs'] as const,
  run: (id: string) => ['runs', id] as const,
  steps: (run_id: string) => ['steps', run_id] as const,
  trace: (run_id: string) => ['trace', run_id] as const,
  files: ['files'] as const,
  file: (id: string) => ['files', id] as const,
  stores: ['stores'] as const,
  store: (id: string) => ['stores', id] as const,
  storeFiles: (id: string) => ['store-files', id] as const,
  models: ['models'] as const,
  server: ['server'] as const,
}

export type EndlessList<Item> = UseInfiniteQueryResult<InfiniteData<Page<Item>>>

const pageSize = 50

/** A list of the API, page after page by its own cursors. */
export function useEndlessList<Item>(
  path: string,
  query: Record<string, string | readonly string[] | undefined>,
  options: { key: readonly unknown[]; refetchMs?: number | ((items: Item[]) => number | false) },
): EndlessList<Item> {
  return useInfiniteQuery({
    queryKey: [...options.key, 'list', path, query],
    queryFn: ({ pageParam, signal }) =>
      call<Page<Item>>({
        method: 'GET',
        path: path + queryText({ limit: pageSize, ...query, after: pageParam }),
        signal,
      }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => (page.has_more && page.last_id ? page.last_id : undefined),
    refetchInterval: ({ state }) => {
      const { refetchMs = false } = options
      if (typeof refetchMs !== 'function') return refetchMs
      return refetchMs(state.data?.pages.flatMap((page) => page.data) ?? [])
    },
  })
}

export function useAssistant(id: string | undefined) {
  return useQuery({
    queryKey: keys.assistant(id ?? ''),
    queryFn: () => openai().beta.assistants.retrieve(id ?? ''),
    enabled: id !== undefined && id !== '',
  })
}

export function useThread(id: string | undefined) {
  return useQuery({
    queryKey: keys.thread(id ?? ''),
    queryFn: () => openai().beta.threads.retrieve(id ?? ''),
    enabled: id !== undefined,
  })
}

/** The newest messages of a thread, oldest first, with older ones page by page. */
export function useMessages(thread_id: string | undefined) {
  return useInfiniteQuery({
    queryKey: keys.messages(thread_id ?? ''),
    queryFn: async ({ pageParam }): Promise<Page<Message>> => {
      const page = await openai().beta.threads.messages.list(thread_id ?? '', {
        limit: 50,
        order: 'desc',
        ...(pageParam !== undefined && { after: pageParam }),
      })
      return {
        data: page.data,
        has_more: page.hasNextPage(),
        first_id: null,
        last_id: page.data.at(-1)?.id ?? null,
      }
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => (page.has_more && page.last_id ? page.last_id : undefined),
    enabled: thread_id !== undefined,
  })
}

/** The newest runs of a thread, newest first. */
export function useThreadRuns(thread_id: string | undefined) {
  return useQuery({
    queryKey: keys.threadRuns(thread_id ?? ''),
    queryFn: async (): Promise<Run[]> =>
      (await openai().beta.threads.runs.list(thread_id ?? '', { limit: 100 })).data,
    enabled: thread_id !== undefined,
  })
}

export const searchContent = 'step_details.tool_calls[*].file_search.results[*].content' as const

/** The steps of a run, oldest first, with the passages that were found. */
export function useSteps(thread_id: string, run_id: string, isEnabled: boolean) {
  return useQuery({
    queryKey: keys.steps(run_id),
    queryFn: () => loadSteps(thread_id, run_id),
    enabled: isEnabled,
  })
}

export async function loadSteps(thread_id: string, run_id: string): Promise<RunStep[]> {
  const steps: RunStep[] = []
  const list = openai().beta.threads.runs.steps
  for await (const step of list.list(run_id, {
    thread_id,
    limit: 100,
    order: 'asc',
    include: [searchContent],
  }))
    steps.push(step)
  return steps
}

/** The trace of a run. It is fetched again while the run continues, and until the server has written its end. */
export function useTrace(run: Run | undefined) {
  return useQuery({
    queryKey: keys.trace(run?.id ?? ''),
    queryFn: () =>
      call<RunTrace>({ method: 'GET', path: `/threads/${run?.thread_id}/runs/${run?.id}/trace` }),
    enabled: run !== undefined,
    refetchInterval: ({ state: { data, dataUpdateCount } }) => {
      if (!isOver(run?.status)) return 1000
      if (data?.is_kept === false) return false
      // The server writes a moment after the fact. Of old runs nothing may be kept any more.
      const last = data?.work.findLast((one) => one.kind === 'worker')
      if (!last) return dataUpdateCount > 5 ? false : 400
      const isWritten = last.ended_ms !== null && last.status === run?.status
      return isWritten || dataUpdateCount > 20 ? false : 400
    },
  })
}

export function useFile(id: string) {
  return useQuery({
    queryKey: keys.file(id),
    queryFn: (): Promise<FileObject> => openai().files.retrieve(id),
    staleTime: 60_000,
  })
}

export function useStore(id: string | undefined, refetchMs?: number) {
  return useQuery({
    queryKey: keys.store(id ?? ''),
    queryFn: (): Promise<VectorStore> => openai().vectorStores.retrieve(id ?? ''),
    enabled: id !== undefined,
    ...(refetchMs !== undefined && { refetchInterval: refetchMs }),
  })
}

export function useStoreFile(vector_store_id: string, file_id: string) {
  return useQuery({
    queryKey: [...keys.storeFiles(vector_store_id), file_id],
    queryFn: (): Promise<VectorStoreFile> =>
      openai().vectorStores.files.retrieve(file_id, { vector_store_id }),
    refetchInterval: (query) => (query.state.data?.status === 'in_progress' ? 700 : false),
  })
}

export function useModels() {
  return useQuery({
    queryKey: keys.models,
    queryFn: async () => {
      const names: string[] = []
      for await (const model of openai().models.list()) names.push(model.id)
      return names
    },
    staleTime: 60_000,
  })
}
