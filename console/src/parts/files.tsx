/** Files as chips and pictures. Contents are downloaded, never opened inside the page. */
import { ActionIcon, Loader, Tooltip } from '@mantine/core'
import { IconDownload, IconFile, IconPhotoOff } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState, type ReactNode } from 'react'
import { openai } from '../api/client.ts'
import { useFile } from '../api/queries.ts'
import { attempt } from './notices.tsx'
import { bytes } from './text.ts'

export async function downloadFile(id: string, filename: string): Promise<void> {
  const response = await openai().files.content(id)
  saveAs(await response.blob(), filename)
}

export function saveAs(content: Blob, filename: string): void {
  // Whatever the content is, the browser must not take it for a page.
  const url = URL.createObjectURL(new Blob([content], { type: 'application/octet-stream' }))
  const link = document.createElement('a')
  link.href = url
  link.download = filename
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 1000)
}

export function FileChip({ id, children }: { id: string; children?: ReactNode }) {
  const { data, isError } = useFile(id)
  const name = data?.filename ?? id
  return (
    <span className="chip">
      <IconFile size={14} aria-hidden />
      <span className="chip-name" title={name}>
        {name}
      </span>
      {data && <span className="dim num">{bytes(data.bytes)}</span>}
      {isError && <span className="dim">deleted</span>}
      {children}
      {data && (
        <Tooltip label="Download">
          <ActionIcon
            size="xs"
            aria-label={`Download ${name}`}
            onClick={() => void attempt(() => downloadFile(id, name))}
          >
            <IconDownload size={13} />
          </ActionIcon>
        </Tooltip>
      )}
    </span>
  )
}

const pictures = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp'])

/** A picture that the server keeps; shown only when the server says that it is one. */
export function FilePicture({ id }: { id: string }) {
  const { data: blob, isError } = useQuery({
    queryKey: ['file-content', id],
    queryFn: async () => {
      const response = await openai().files.content(id)
      const type = response.headers.get('content-type') ?? ''
      if (!pictures.has(type)) throw new Error(`expected a picture, got ${type}`)
      return new Blob([await response.arrayBuffer()], { type })
    },
    staleTime: Infinity,
  })
  const [url, setUrl] = useState<string>()
  useEffect(() => {
    if (!blob) return
    const made = URL.createObjectURL(blob)
    setUrl(made)
    return () => URL.revokeObjectURL(made)
  }, [blob])
  return (
    <figure className="picture">
      {url !== undefined && <img src={url} alt={`File ${id}`} />}
      {isError && (
        <span className="dim">
          <IconPhotoOff size={16} aria-hidden /> This picture cannot be shown.
        </span>
      )}
      {url === undefined && !isError && <Loader size="sm" />}
      <figcaption>
        <FileChip id={id} />
      </figcaption>
    </figure>
  )
}

interface DropProps {
  onFiles: (files: File[]) => void
  children: ReactNode
  /** What dropping here does. */
  label: string
}

/** An area that takes files which are dropped on it. */
export function DropArea({ onFiles, children, label }: DropProps) {
  const [isOver, setIsOver] = useState(false)
  return (
    <div
      className={isOver ? 'drop-area over' : 'drop-area'}
      data-label={label}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes('Files')) return
        event.preventDefault()
        setIsOver(true)
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as globalThis.Node | null)) setIsOver(false)
      }}
      onDrop={(event) => {
        if (event.dataTransfer.files.length === 0) return
        event.preventDefault()
        event.stopPropagation()
        setIsOver(false)
        onFiles([...event.dataTransfer.files])
      }}
    >
      {children}
    </div>
  )
}
