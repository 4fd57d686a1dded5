/** The page of one file: what it is, and the text that can be read in it. */
import { Button } from '@mantine/core'
import { IconDownload, IconTrash } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useLocation, useParams } from 'wouter'
import { call, openai } from '../api/client.ts'
import { keys, queryClient, useFile } from '../api/queries.ts'
import type { FileObject } from '../api/types.ts'
import type { FileText as ReadText } from '../api/types.ts'
import { CodeButton } from '../parts/code.tsx'
import { downloadFile, FilePicture } from '../parts/files.tsx'
import { Id, Time } from '../parts/ids.tsx'
import { attempt } from '../parts/notices.tsx'
import { ConfirmButton, Facts, Page } from '../parts/page.tsx'
import { Failed, Loading } from '../parts/states.tsx'
import { bytes } from '../parts/text.ts'
import { FileText } from './file-text.tsx'

export function FilePage() {
  const { id } = useParams<{ id: string }>()
  const query = useFile(id)
  if (query.isPending) return <Loading />
  if (query.isError) return <Failed error={query.error} retry={() => query.refetch()} />
  const file = query.data
  return (
    <Page
      title={file.filename}
      back={{ href: '/files', label: 'Files' }}
      detail={<FileDetail file={file} />}
      actions={<FileActions file={file} />}
    >
      <Facts
        facts={[
          ['Size', bytes(file.bytes)],
          ['Purpose', file.purpose],
          ['Expires', file.expires_at ? <Time key="at" at={file.expires_at} /> : 'never'],
        ]}
      />
      {/\.(png|jpe?g|gif|webp)$/i.test(file.filename) && file.purpose !== 'assistants' ? (
        <FilePicture id={id} />
      ) : (
        <TextOfFile id={id} />
      )}
    </Page>
  )
}

function FileDetail({ file }: { file: FileObject }) {
  return (
    <>
      <Id id={file.id} />
      <Time at={file.created_at} />
    </>
  )
}

function FileActions({ file }: { file: FileObject }) {
  const [, navigate] = useLocation()
  const { id, filename } = file
  const remove = () =>
    attempt(async () => {
      await openai().files.delete(id)
      navigate('/files')
      queryClient.removeQueries({ queryKey: keys.file(id) })
      await queryClient.invalidateQueries({ queryKey: [...keys.files, 'list'] })
    }, 'The file is deleted.')
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconDownload size={14} />}
        onClick={() => void attempt(() => downloadFile(id, filename))}
      >
        Download
      </Button>
      <ConfirmButton
        label="Delete"
        question="The file goes, also from assistants, threads and vector stores. This cannot be undone."
        icon={<IconTrash size={14} />}
        onConfirm={remove}
      />
      <CodeButton
        request={{ method: 'GET', path: `/files/${id}`, sdk: { name: 'files.retrieve', ids: [id] } }}
      />
    </>
  )
}

function TextOfFile({ id }: { id: string }) {
  const query = useQuery({
    queryKey: ['file-text', id],
    queryFn: () => call<ReadText>({ method: 'GET', path: `/files/${id}/text` }),
    staleTime: Infinity,
    retry: false,
  })
  if (query.isPending) return <Loading />
  if (query.isError) return <Failed error={query.error} />
  return <FileText text={query.data} />
}
