/** The page of one thread: it is read here, forked, exported and deleted. */
import { Button, Menu } from '@mantine/core'
import { IconDownload, IconGitFork, IconTerminal2, IconTrash } from '@tabler/icons-react'
import { Link, useLocation, useParams } from 'wouter'
import { openai } from '../api/client.ts'
import { keys, queryClient, useThread, useThreadRuns } from '../api/queries.ts'
import type { Metadata, Thread } from '../api/types.ts'
import { isOver } from '../live/run-state.ts'
import { useRunFeed } from '../live/use-run-feed.ts'
import { CodeButton } from '../parts/code.tsx'
import { saveAs } from '../parts/files.tsx'
import { Id, Time } from '../parts/ids.tsx'
import { PairsForm } from '../parts/metadata.tsx'
import { attempt } from '../parts/notices.tsx'
import { ConfirmButton, Page } from '../parts/page.tsx'
import { Failed, Loading } from '../parts/states.tsx'
import { ConversationTools, forkThread } from './conversation-tools.tsx'
import { Conversation } from './conversation.tsx'
import { exportThread } from './export.ts'

export function ThreadPage() {
  const { id } = useParams<{ id: string }>()
  const [, navigate] = useLocation()
  const query = useThread(id)
  const { data: runs } = useThreadRuns(id)
  const active = runs?.find((run) => !isOver(run.status))
  const live = useRunFeed(active ? id : undefined, active?.id)
  if (query.isPending) return <Loading />
  if (query.isError && !query.data) return <Failed error={query.error} retry={() => query.refetch()} />
  const thread = query.data
  const detail = (
    <>
      <Id id={thread.id} />
      <Time at={thread.created_at} />
    </>
  )
  return (
    <Page
      title="Thread"
      isFilled
      back={{ href: '/threads', label: 'Threads' }}
      detail={detail}
      actions={<ThreadActions thread={thread} assistant_id={runs?.[0]?.assistant_id} />}
    >
      <div className="thread-page">
        <ConversationTools thread_id={id} onForked={(fork) => navigate(`/threads/${fork}`)}>
          <Conversation key={id} thread_id={id} live={live} />
        </ConversationTools>
        <aside className="thread-side" aria-label="About the thread">
          <PairsForm
            key={JSON.stringify(thread.metadata)}
            label="Metadata"
            value={(thread.metadata ?? {}) as Metadata}
            onSave={(metadata) =>
              attempt(
                async () =>
                  queryClient.setQueryData(
                    keys.thread(id),
                    await openai().beta.threads.update(id, { metadata: metadata as Metadata }),
                  ),
                'The metadata is saved.',
              )
            }
          />
          <Resources thread={thread} />
        </aside>
      </div>
    </Page>
  )
}

function Resources({ thread }: { thread: Thread }) {
  const stores = thread.tool_resources?.file_search?.vector_store_ids ?? []
  const files = thread.tool_resources?.code_interpreter?.file_ids ?? []
  return (
    <>
      {stores.map((id) => (
        <Link key={id} href={`/vector-stores/${id}`} className="mono clip">
          {id}
        </Link>
      ))}
      {files.map((id) => (
        <Link key={id} href={`/files/${id}`} className="mono clip">
          {id}
        </Link>
      ))}
    </>
  )
}

function ThreadActions({ thread, assistant_id }: { thread: Thread; assistant_id: string | undefined }) {
  const [, navigate] = useLocation()
  const { id } = thread
  const fork = () =>
    attempt(
      async () => navigate(`/threads/${(await forkThread(id)).id}`),
      'The thread is forked; this is the copy.',
    )
  const remove = () =>
    attempt(async () => {
      await openai().beta.threads.delete(id)
      navigate('/threads')
      queryClient.removeQueries({ queryKey: keys.thread(id) })
      await queryClient.invalidateQueries({ queryKey: [...keys.threads, 'list'] })
    }, 'The thread is deleted.')
  const save = (kind: 'json' | 'markdown') =>
    attempt(async () => {
      const content = await exportThread(id, kind)
      saveAs(new Blob([content]), `${id}.${kind === 'json' ? 'json' : 'md'}`)
    })
  return (
    <>
      <Button
        component={Link}
        href={`/?${assistant_id === undefined ? '' : `assistant=${assistant_id}&`}thread=${id}`}
        variant="default"
        leftSection={<IconTerminal2 size={14} />}
      >
        Playground
      </Button>
      <Button variant="default" leftSection={<IconGitFork size={14} />} onClick={() => void fork()}>
        Fork
      </Button>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" leftSection={<IconDownload size={14} />}>
            Export
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => void save('json')}>As JSON</Menu.Item>
          <Menu.Item onClick={() => void save('markdown')}>As Markdown</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <ConfirmButton
        label="Delete"
        question="The thread goes with its messages and runs. This cannot be undone."
        icon={<IconTrash size={14} />}
        onConfirm={remove}
      />
      <CodeButton
        request={{ method: 'GET', path: `/threads/${id}`, sdk: { name: 'beta.threads.retrieve', ids: [id] } }}
      />
    </>
  )
}
