/** One file in a vector store: how far it is, its attributes, and its text. */
import { Button } from '@mantine/core'
import { IconFile, IconTrash } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, useLocation, useParams, useSearchParams } from 'wouter'
import { call, openai } from '../api/client.ts'
import { keys, queryClient, useFile, useStoreFile } from '../api/queries.ts'
import { FileText } from '../files/file-text.tsx'
import type { FileText as ReadText } from '../api/types.ts'
import { CodeButton } from '../parts/code.tsx'
import { Id } from '../parts/ids.tsx'
import { PairsForm } from '../parts/metadata.tsx'
import { attempt } from '../parts/notices.tsx'
import { ConfirmButton, Facts, Page } from '../parts/page.tsx'
import { Failed, Loading } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { bytes } from '../parts/text.ts'

export function StoreFilePage() {
  const { id, file_id } = useParams<{ id: string; file_id: string }>()
  const [search] = useSearchParams()
  const { data: file } = useFile(file_id)
  const query = useStoreFile(id, file_id)
  if (query.isPending) return <Loading />
  if (query.isError && !query.data) return <Failed error={query.error} retry={() => query.refetch()} />
  const { status, last_error, usage_bytes, chunking_strategy, attributes } = query.data
  const chunks =
    chunking_strategy?.type === 'static'
      ? `${chunking_strategy.static.max_chunk_size_tokens} tokens, overlap ${chunking_strategy.static.chunk_overlap_tokens}`
      : 'other'
  return (
    <Page
      title={file?.filename ?? file_id}
      back={{ href: `/vector-stores/${id}`, label: 'Vector store' }}
      detail={
        <>
          <Id id={file_id} />
          <Status status={status} />
        </>
      }
      actions={<StoreFileActions store_id={id} file_id={file_id} />}
    >
      <Facts
        facts={[
          ['Text', bytes(usage_bytes)],
          ['Chunks', chunks],
          ...(last_error ? ([['Failed', last_error.message]] as [string, string][]) : []),
        ]}
      />
      <div className="form-page">
        <PairsForm
          key={JSON.stringify(attributes)}
          label="Attributes"
          isTyped
          value={attributes ?? {}}
          onSave={(value) =>
            attempt(async () => {
              await openai().vectorStores.files.update(file_id, { vector_store_id: id, attributes: value })
              await queryClient.invalidateQueries({ queryKey: keys.storeFiles(id) })
            }, 'The attributes are saved.')
          }
        />
      </div>
      {status === 'completed' && (
        <StoredText store_id={id} file_id={file_id} find={search.get('find') ?? ''} />
      )}
    </Page>
  )
}

function StoreFileActions({ store_id, file_id }: { store_id: string; file_id: string }) {
  const [, navigate] = useLocation()
  const remove = () =>
    attempt(async () => {
      await openai().vectorStores.files.delete(file_id, { vector_store_id: store_id })
      navigate(`/vector-stores/${store_id}`)
      queryClient.removeQueries({ queryKey: [...keys.storeFiles(store_id), file_id] })
      await queryClient.invalidateQueries({ queryKey: keys.storeFiles(store_id) })
    }, 'The file was removed from the vector store.')
  const sdk = { name: 'vector_stores.files.retrieve', ids: [file_id], params: { vector_store_id: store_id } }
  return (
    <>
      <Button
        component={Link}
        href={`/files/${file_id}`}
        variant="default"
        leftSection={<IconFile size={14} />}
      >
        The file itself
      </Button>
      <ConfirmButton
        label="Remove"
        question="The file goes out of this vector store; the file itself stays."
        icon={<IconTrash size={14} />}
        onConfirm={remove}
      />
      <CodeButton request={{ method: 'GET', path: `/vector_stores/${store_id}/files/${file_id}`, sdk }} />
    </>
  )
}

/** The text as it was read when the file came into the store: what search finds is in here. */
function StoredText({ store_id, file_id, find }: { store_id: string; file_id: string; find: string }) {
  const query = useQuery({
    queryKey: ['store-file-text', store_id, file_id],
    queryFn: () =>
      call<ReadText>({ method: 'GET', path: `/vector_stores/${store_id}/files/${file_id}/text` }),
    staleTime: Infinity,
  })
  if (query.isPending) return <Loading />
  if (query.isError) return <Failed error={query.error} retry={() => query.refetch()} />
  return <FileText text={query.data} find={find} />
}
