/** All threads of the project, newest first. */
import { queryText } from '../api/client.ts'
import { keys, useEndlessList } from '../api/queries.ts'
import type { ListedThread } from '../api/types.ts'
import { CodeButton } from '../parts/code.tsx'
import { DataList, Named, type Column } from '../parts/data-list.tsx'
import { Time } from '../parts/ids.tsx'
import { Page } from '../parts/page.tsx'
import { SearchField, useSearchText } from '../parts/search-field.tsx'
import { Empty } from '../parts/states.tsx'

const columns: Column<ListedThread>[] = [
  {
    title: 'Thread',
    width: 'minmax(200px, 3fr)',
    cell: (thread) => <Named name={thread.first_message} id={thread.id} fallback="No text yet" />,
  },
  {
    title: 'Metadata',
    width: 'minmax(120px, 2fr)',
    isMinor: true,
    cell: (thread) => <Pairs pairs={thread.metadata as Record<string, string> | null} />,
  },
  { title: 'Created', width: '88px', isRight: true, cell: (thread) => <Time at={thread.created_at} /> },
]

export function Pairs({ pairs }: { pairs: Record<string, unknown> | null | undefined }) {
  return (
    <span className="mono clip dim">
      {Object.entries(pairs ?? {})
        .map(([key, value]) => `${key}: ${String(value)}`)
        .join(', ')}
    </span>
  )
}

export function Threads() {
  const query = useSearchText()
  const asked = { query, include: ['first_message'] }
  const list = useEndlessList<ListedThread>('/threads', asked, { key: keys.threads })
  return (
    <Page
      title="Threads"
      isFilled
      actions={
        <CodeButton request={{ method: 'GET', path: `/threads${queryText({ limit: 20, ...asked })}` }} />
      }
    >
      <div className="filters" role="search">
        <SearchField label="Find by id, metadata or text" />
      </div>
      <DataList
        list={list}
        columns={columns}
        label="Threads"
        href={(thread) => `/threads/${thread.id}`}
        empty={
          query === undefined ? (
            <Empty title="No threads yet">
              A thread holds the messages of one conversation. The playground makes one with your first
              message; a program does with POST /v1/threads.
            </Empty>
          ) : (
            <Empty title="No matching threads">No id, metadata or message contains “{query}”.</Empty>
          )
        }
      />
    </Page>
  )
}
