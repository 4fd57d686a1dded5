/** The files of a vector store, with how far each is and why it failed. */
import { Button, FileButton } from '@mantine/core'
import { IconUpload } from '@tabler/icons-react'
import { useSearchParams } from 'wouter'
import { openai } from '../api/client.ts'
import { keys, queryClient, useEndlessList, useFile } from '../api/queries.ts'
import type { ListedVectorStoreFile, VectorStore } from '../api/types.ts'
import { uploadAll } from '../assistants/resources.tsx'
import { DataList, Named, type Column } from '../parts/data-list.tsx'
import { FilterSelect } from '../parts/filter-select.tsx'
import { DropArea } from '../parts/files.tsx'
import { Time } from '../parts/ids.tsx'
import { attempt } from '../parts/notices.tsx'
import { Empty } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { bytes, number, plural } from '../parts/text.ts'
import { Pairs } from '../threads/threads.tsx'

const columns: Column<ListedVectorStoreFile>[] = [
  { title: 'File', width: 'minmax(180px, 2fr)', cell: (file) => <FileName file={file} /> },
  { title: 'Status', width: '130px', cell: (file) => <Status status={file.status} /> },
  {
    title: 'Chunks',
    width: 'minmax(120px, 1.4fr)',
    isMinor: true,
    cell: (file) => (
      <span className="clip" title={wayOf(file)}>
        {wayOf(file)}
      </span>
    ),
  },
  {
    title: 'Attributes',
    width: 'minmax(100px, 1fr)',
    isMinor: true,
    cell: (file) => <Pairs pairs={file.attributes} />,
  },
  {
    title: 'Text',
    width: '80px',
    isMinor: true,
    isRight: true,
    cell: (file) => <span className="num">{bytes(file.usage_bytes)}</span>,
  },
  { title: 'Added', width: '80px', isRight: true, cell: (file) => <Time at={file.created_at} /> },
]

function FileName({ file }: { file: ListedVectorStoreFile }) {
  const { data } = useFile(file.id)
  return <Named name={data?.filename} id={file.id} fallback="…" />
}

/** How far a file is, in words. */
export function wayOf({ status, last_error, progress }: ListedVectorStoreFile): string {
  if (status === 'failed') return last_error?.message ?? 'It failed.'
  if (status === 'cancelled') return ''
  const chunks = progress?.chunks ?? null
  if (status === 'completed') {
    const parts = chunks === null ? [] : [plural(chunks, 'chunk')]
    return [...parts, ...(progress?.warnings ?? [])].join('; ')
  }
  if (chunks === null) return 'being read'
  return `words ready, vectors ${number(progress?.embedded ?? 0)} of ${number(chunks)}`
}

const statuses = ['in_progress', 'completed', 'failed', 'cancelled']

export function StoreFiles({ store }: { store: VectorStore }) {
  const [search, setSearch] = useSearchParams()
  const filter = search.get('filter') ?? undefined
  const isBusy = store.file_counts.in_progress > 0
  const list = useEndlessList<ListedVectorStoreFile>(
    `/vector_stores/${store.id}/files`,
    { filter, include: ['progress'] },
    {
      key: keys.storeFiles(store.id),
      refetchMs: (files) => (isBusy || files.some(({ status }) => status === 'in_progress') ? 1000 : false),
    },
  )
  const add = (files: File[]) =>
    attempt(
      async () => {
        const file_ids = await uploadAll(files, 'assistants')
        await openai().vectorStores.fileBatches.create(store.id, { file_ids })
        await queryClient.invalidateQueries({ queryKey: keys.store(store.id) })
        await queryClient.invalidateQueries({ queryKey: keys.storeFiles(store.id) })
      },
      `${plural(files.length, 'file')} on the way into the vector store.`,
    )
  return (
    <DropArea onFiles={(files) => void add(files)} label="Add to the vector store">
      <div className="filters">
        <FilterSelect
          label="Status"
          all="Every status"
          data={statuses}
          value={filter}
          onChange={(value) => setSearch(value === null ? {} : { filter: value }, { replace: true })}
        />
        <FileButton multiple onChange={(files) => void add(files)}>
          {(props) => (
            <Button {...props} leftSection={<IconUpload size={14} />}>
              Add files
            </Button>
          )}
        </FileButton>
      </div>
      <DataList
        list={list}
        columns={columns}
        label="Files of the vector store"
        href={(file) => `/vector-stores/${store.id}/files/${file.id}`}
        empty={
          <Empty title={filter === undefined ? 'No files yet' : 'No matching files'}>
            Drop files here to make them searchable.
          </Empty>
        }
      />
    </DropArea>
  )
}
