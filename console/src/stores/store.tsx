/** The page of one vector store: its files and how far they are, and a place to try its search. */
import { Progress, Tabs, Text } from '@mantine/core'
import { IconTrash } from '@tabler/icons-react'
import { useLocation, useParams, useSearchParams } from 'wouter'
import { openai } from '../api/client.ts'
import { keys, queryClient, useStore } from '../api/queries.ts'
import type { Metadata, VectorStore } from '../api/types.ts'
import { CodeButton } from '../parts/code.tsx'
import { Id, Time } from '../parts/ids.tsx'
import { PairsForm } from '../parts/metadata.tsx'
import { attempt } from '../parts/notices.tsx'
import { ConfirmButton, Facts, Page } from '../parts/page.tsx'
import { Failed, Loading } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { bytes, number } from '../parts/text.ts'
import { SearchTester } from './search-tester.tsx'
import { StoreFiles } from './store-files.tsx'

const tabs = ['files', 'search', 'settings']

export function StorePage() {
  const { id } = useParams<{ id: string }>()
  const [search, setSearch] = useSearchParams()
  const query = useStore(id, 2000)
  if (query.isPending) return <Loading />
  if (query.isError && !query.data) return <Failed error={query.error} retry={() => query.refetch()} />
  const store = query.data
  const tab = tabs.find((one) => one === search.get('tab')) ?? 'files'
  return (
    <Page
      title={store.name || 'Unnamed vector store'}
      isFilled
      back={{ href: '/vector-stores', label: 'Vector stores' }}
      detail={<StoreDetail store={store} />}
      actions={<StoreActions store={store} />}
    >
      <Ingest store={store} />
      <Tabs
        value={tab}
        onChange={(next) =>
          setSearch(next === 'files' || next === null ? {} : { tab: next }, { replace: true })
        }
        keepMounted={false}
        className="filled-tabs"
      >
        <Tabs.List>
          <Tabs.Tab value="files">Files</Tabs.Tab>
          <Tabs.Tab value="search">Try the search</Tabs.Tab>
          <Tabs.Tab value="settings">Settings</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="files">
          <StoreFiles store={store} />
        </Tabs.Panel>
        <Tabs.Panel value="search">
          <SearchTester store_id={store.id} />
        </Tabs.Panel>
        <Tabs.Panel value="settings">
          <Settings store={store} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  )
}

function StoreDetail({ store }: { store: VectorStore }) {
  return (
    <>
      <Id id={store.id} />
      <Status status={store.status} />
      <Time at={store.created_at} />
    </>
  )
}

/** How far the store is with its files, as one bar. */
function Ingest({ store }: { store: VectorStore }) {
  const { completed, failed, cancelled, in_progress, total } = store.file_counts
  if (in_progress === 0) return null
  const done = ((completed + failed + cancelled) / Math.max(1, total)) * 100
  return (
    <div className="ingest">
      <Progress value={done} aria-label="Files that are read" size="sm" transitionDuration={100} />
      <Text size="xs" c="dimmed" role="status">
        {number(completed)} of {number(total)} files ready, {number(in_progress)} being read
        {failed > 0 ? `, ${number(failed)} failed` : ''}
      </Text>
    </div>
  )
}

function StoreActions({ store }: { store: VectorStore }) {
  const [, navigate] = useLocation()
  const { id } = store
  const remove = () =>
    attempt(async () => {
      await openai().vectorStores.delete(id)
      navigate('/vector-stores')
      queryClient.removeQueries({ queryKey: keys.store(id) })
      await queryClient.invalidateQueries({ queryKey: [...keys.stores, 'list'] })
    }, 'The vector store is deleted.')
  return (
    <>
      <ConfirmButton
        label="Delete"
        question="The vector store goes; its files stay. This cannot be undone."
        icon={<IconTrash size={14} />}
        onConfirm={remove}
      />
      <CodeButton
        request={{
          method: 'GET',
          path: `/vector_stores/${id}`,
          sdk: { name: 'vector_stores.retrieve', ids: [id] },
        }}
      />
    </>
  )
}

function Settings({ store }: { store: VectorStore }) {
  const { id, expires_after, expires_at, usage_bytes, last_active_at, metadata } = store
  return (
    <div className="tab-body">
      <Facts
        facts={[
          ['Text', bytes(usage_bytes)],
          ['Last used', <Time key="used" at={last_active_at} />],
          ['Expires', expires_after ? `after ${expires_after.days} days without use` : 'never'],
          ['Expires at', <Time key="at" at={expires_at ?? null} />],
        ]}
      />
      <PairsForm
        key={JSON.stringify(metadata)}
        label="Metadata"
        value={(metadata ?? {}) as Metadata}
        onSave={(value) =>
          attempt(
            async () =>
              queryClient.setQueryData(
                keys.store(id),
                await openai().vectorStores.update(id, { metadata: value as Metadata }),
              ),
            'The metadata is saved.',
          )
        }
      />
    </div>
  )
}
