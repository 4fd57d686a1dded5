/** All vector stores of the project, newest first. */
import { Button, Modal, NumberInput, Stack, TextInput } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState, type FormEvent } from 'react'
import { useLocation } from 'wouter'
import { openai, queryText } from '../api/client.ts'
import { keys, queryClient, useEndlessList } from '../api/queries.ts'
import type { VectorStore } from '../api/types.ts'
import { CodeButton } from '../parts/code.tsx'
import { DataList, Named, type Column } from '../parts/data-list.tsx'
import { Time } from '../parts/ids.tsx'
import { attempt } from '../parts/notices.tsx'
import { Page } from '../parts/page.tsx'
import { SearchField, useSearchText } from '../parts/search-field.tsx'
import { Empty } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { bytes, number } from '../parts/text.ts'

const columns: Column<VectorStore>[] = [
  {
    title: 'Vector store',
    width: 'minmax(180px, 3fr)',
    cell: (store) => <Named name={store.name} id={store.id} fallback="Unnamed" />,
  },
  { title: 'Status', width: '120px', cell: (store) => <Status status={store.status} /> },
  {
    title: 'Files',
    width: '100px',
    isMinor: true,
    isRight: true,
    cell: (store) => <span className="num">{filesOf(store)}</span>,
  },
  {
    title: 'Text',
    width: '88px',
    isMinor: true,
    isRight: true,
    cell: (store) => <span className="num">{bytes(store.usage_bytes)}</span>,
  },
  {
    title: 'Used',
    width: '88px',
    isMinor: true,
    isRight: true,
    cell: (store) => <Time at={store.last_active_at} />,
  },
  { title: 'Created', width: '88px', isRight: true, cell: (store) => <Time at={store.created_at} /> },
]

function filesOf({ file_counts: { completed, total, failed } }: VectorStore): string {
  return `${number(completed)} / ${number(total)}${failed > 0 ? `, ${failed} failed` : ''}`
}

export function Stores() {
  const query = useSearchText()
  const [isOpen, setOpen] = useState(false)
  const list = useEndlessList<VectorStore>('/vector_stores', { query }, { key: keys.stores, refetchMs: 5000 })
  const path = `/vector_stores${queryText({ limit: 20, query })}`
  return (
    <Page
      title="Vector stores"
      isFilled
      actions={
        <>
          <CodeButton
            request={{
              method: 'GET',
              path,
              ...(query === undefined && { sdk: { name: 'vector_stores.list', params: { limit: 20 } } }),
            }}
          />
          <Button leftSection={<IconPlus size={14} />} onClick={() => setOpen(true)}>
            New vector store
          </Button>
        </>
      }
    >
      <div className="filters" role="search">
        <SearchField label="Find by name or id" />
      </div>
      <DataList
        list={list}
        columns={columns}
        label="Vector stores"
        href={(store) => `/vector-stores/${store.id}`}
        empty={
          query === undefined ? (
            <Empty title="No vector stores yet">
              A vector store makes files searchable for assistants. Make one here, or with POST
              /v1/vector_stores.
            </Empty>
          ) : (
            <Empty title="No matching vector stores">No name contains “{query}”.</Empty>
          )
        }
      />
      <Modal
        opened={isOpen}
        onClose={() => setOpen(false)}
        title="New vector store"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <NewStore />
      </Modal>
    </Page>
  )
}

function NewStore() {
  const [, navigate] = useLocation()
  const [name, setName] = useState('')
  const [days, setDays] = useState<string | number>('')
  const create = async (event: FormEvent) => {
    event.preventDefault()
    const made = await attempt(() =>
      openai().vectorStores.create({
        ...(name !== '' && { name }),
        ...(days !== '' && { expires_after: { anchor: 'last_active_at', days: Number(days) } }),
      }),
    )
    if (!made) return
    await queryClient.invalidateQueries({ queryKey: keys.stores })
    navigate(`/vector-stores/${made.id}`)
  }
  return (
    <form onSubmit={(event) => void create(event)}>
      <Stack gap={12}>
        <TextInput
          label="Name"
          data-autofocus
          value={name}
          maxLength={256}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <NumberInput
          label="Expires after"
          description="Days without use; empty: never"
          min={1}
          max={365}
          value={days}
          onChange={setDays}
        />
        <Button type="submit" w="fit-content">
          Create
        </Button>
      </Stack>
    </form>
  )
}
