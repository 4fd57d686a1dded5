/** All files of the project, newest first. */
import { Button, FileButton } from '@mantine/core'
import { IconUpload } from '@tabler/icons-react'
import { useSearchParams } from 'wouter'
import { queryText } from '../api/client.ts'
import type { RequestCode } from '../api/code.ts'
import { keys, useEndlessList } from '../api/queries.ts'
import type { FileObject } from '../api/types.ts'
import { uploadAll } from '../assistants/resources.tsx'
import { CodeButton } from '../parts/code.tsx'
import { DataList, Named, type Column } from '../parts/data-list.tsx'
import { FilterSelect } from '../parts/filter-select.tsx'
import { DropArea } from '../parts/files.tsx'
import { Time } from '../parts/ids.tsx'
import { attempt } from '../parts/notices.tsx'
import { Page } from '../parts/page.tsx'
import { SearchField } from '../parts/search-field.tsx'
import { Empty } from '../parts/states.tsx'
import { bytes, plural } from '../parts/text.ts'

const columns: Column<FileObject>[] = [
  {
    title: 'File',
    width: 'minmax(200px, 3fr)',
    cell: (file) => <Named name={file.filename} id={file.id} fallback="Unnamed" />,
  },
  {
    title: 'Purpose',
    width: 'minmax(100px, 1fr)',
    isMinor: true,
    cell: (file) => <span className="mono clip">{file.purpose}</span>,
  },
  {
    title: 'Size',
    width: '88px',
    isRight: true,
    cell: (file) => <span className="num">{bytes(file.bytes)}</span>,
  },
  { title: 'Created', width: '88px', isRight: true, cell: (file) => <Time at={file.created_at} /> },
]

const purposes = ['assistants', 'assistants_output', 'vision', 'batch', 'fine-tune', 'user_data', 'evals']

export async function upload(files: File[]): Promise<void> {
  await attempt(() => uploadAll(files, 'assistants'), `${plural(files.length, 'file')} uploaded.`)
}

function requestOf(query: string | undefined, purpose: string | undefined): RequestCode {
  const path = `/files${queryText({ limit: 20, query, purpose })}`
  if (query !== undefined) return { method: 'GET', path }
  const params = { limit: 20, ...(purpose !== undefined && { purpose }) }
  return { method: 'GET', path, sdk: { name: 'files.list', params } }
}

export function Files() {
  const [search, setSearch] = useSearchParams()
  const query = search.get('query') ?? undefined
  const purpose = search.get('purpose') ?? undefined
  const list = useEndlessList<FileObject>('/files', { query, purpose }, { key: keys.files })
  return (
    <Page
      title="Files"
      isFilled
      actions={
        <>
          <CodeButton request={requestOf(query, purpose)} />
          <FileButton multiple onChange={(files) => void upload(files)}>
            {(props) => (
              <Button {...props} leftSection={<IconUpload size={14} />}>
                Upload
              </Button>
            )}
          </FileButton>
        </>
      }
    >
      <DropArea onFiles={(files) => void upload(files)} label="Upload">
        <div className="filters" role="search">
          <SearchField label="Find by name or id" />
          <FilterSelect
            label="Purpose"
            all="Every purpose"
            data={purposes}
            value={purpose}
            onChange={(value) =>
              setSearch(
                { ...(query !== undefined && { query }), ...(value !== null && { purpose: value }) },
                { replace: true },
              )
            }
          />
        </div>
        <DataList
          list={list}
          columns={columns}
          label="Files"
          href={(file) => `/files/${file.id}`}
          empty={
            query === undefined && purpose === undefined ? (
              <Empty title="No files yet">
                Files are searched by assistants and read by Python. Drop some here, or upload them with POST
                /v1/files.
              </Empty>
            ) : (
              <Empty title="No matching files">Remove a filter to see more.</Empty>
            )
          }
        />
      </DropArea>
    </Page>
  )
}
