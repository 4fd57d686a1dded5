/** One message: its role, time, parts and actions. */
import { ActionIcon, Menu } from '@mantine/core'
import { IconCopy, IconDots, IconGitFork, IconTags, IconTrash } from '@tabler/icons-react'
import { createContext, useContext, useDeferredValue, useMemo } from 'react'
import type { Annotation, Message } from '../api/types.ts'
import { FileChip, FilePicture } from '../parts/files.tsx'
import { Time } from '../parts/ids.tsx'
import { MarkdownText, RemoteImage } from '../parts/markdown.tsx'
import { say } from '../parts/notices.tsx'

/** What a conversation lets its reader do; what is absent is not offered. */
export interface MessageActions {
  cite?: (message: Message, annotation: Annotation) => void
  fork?: (message: Message) => void
  editMetadata?: (message: Message) => void
  remove?: (message: Message) => void
}

export const MessageActionsContext = createContext<MessageActions>({})

export function textOf(message: Message): string {
  return message.content
    .map((part) => (part.type === 'text' ? part.text.value : part.type === 'refusal' ? part.refusal : ''))
    .filter((text) => text !== '')
    .join('\n\n')
}

interface MessageProps {
  message: Message
  name: string
  isLive?: boolean
}

export function MessageView({ message, name, isLive = false }: MessageProps) {
  const { role, created_at, attachments, metadata, status, incomplete_details } = message
  const pairs = Object.entries(metadata ?? {})
  return (
    <article className={`message ${role}`} id={message.id} aria-label={`Message of ${name}`}>
      <header>
        <b>{name}</b>
        <Time at={created_at} />
        {status === 'incomplete' && (
          <span className="status warn">
            incomplete{incomplete_details ? `: ${incomplete_details.reason.replaceAll('_', ' ')}` : ''}
          </span>
        )}
        <span className="spring" />
        {!isLive && <MessageMenu message={message} />}
      </header>
      <div className={isLive ? 'message-body caret' : 'message-body'}>
        {message.content.map((part, index) => (
          <Part key={index} part={part} message={message} isLive={isLive} />
        ))}
      </div>
      {(attachments ?? []).length > 0 && (
        <div className="chips">
          {(attachments ?? []).map(({ file_id = '', tools }) => (
            <FileChip key={file_id} id={file_id}>
              <span className="dim">
                for{' '}
                {(tools ?? []).map((tool) => (tool.type === 'file_search' ? 'search' : 'code')).join(' and ')}
              </span>
            </FileChip>
          ))}
        </div>
      )}
      {pairs.length > 0 && (
        <div className="chips">
          {pairs.map(([key, value]) => (
            <span className="chip mono" key={key}>
              <span className="chip-name">
                {key}: {value}
              </span>
            </span>
          ))}
        </div>
      )}
    </article>
  )
}

type ContentPart = Message['content'][number]

function Part({ part, message, isLive }: { part: ContentPart; message: Message; isLive: boolean }) {
  switch (part.type) {
    case 'text':
      return (
        <TextPart
          text={part.text.value}
          annotations={part.text.annotations}
          message={message}
          isLive={isLive}
        />
      )
    case 'refusal':
      return <p className="refusal">The model refused: {part.refusal}</p>
    case 'image_file':
      return <FilePicture id={part.image_file.file_id} />
    case 'image_url': {
      const { url } = part.image_url
      return /^data:image\/(png|jpeg|gif|webp);base64,/i.test(url) ? (
        <img className="inline-picture" src={url} alt="Part of the message" />
      ) : (
        <RemoteImage url={url} />
      )
    }
  }
}

interface TextPartProps {
  text: string
  annotations: Annotation[]
  message: Message
  isLive: boolean
}

function TextPart({ text, annotations, message, isLive }: TextPartProps) {
  const { cite } = useContext(MessageActionsContext)
  // While a text grows the page stays quick: the newest words may come a frame later.
  const shown = useDeferredValue(text)
  const citations = useMemo(
    () => ({ annotations, open: (annotation: Annotation) => cite?.(message, annotation) }),
    [annotations, cite, message],
  )
  // What a user wrote is shown as it was written.
  if (message.role === 'user') return <p className="written">{text}</p>
  return <MarkdownText text={isLive ? shown : text} citations={citations} />
}

function MessageMenu({ message }: { message: Message }) {
  const { fork, editMetadata, remove } = useContext(MessageActionsContext)
  const copy = async () => {
    await navigator.clipboard.writeText(textOf(message))
    say('The text is copied.')
  }
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon size="sm" aria-label="Actions on this message" className="message-menu">
          <IconDots size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconCopy size={14} />} onClick={() => void copy()}>
          Copy the text
        </Menu.Item>
        {fork && (
          <Menu.Item leftSection={<IconGitFork size={14} />} onClick={() => fork(message)}>
            Fork the thread here
          </Menu.Item>
        )}
        {editMetadata && (
          <Menu.Item leftSection={<IconTags size={14} />} onClick={() => editMetadata(message)}>
            Edit metadata
          </Menu.Item>
        )}
        {remove && (
          <Menu.Item color="red" leftSection={<IconTrash size={14} />} onClick={() => remove(message)}>
            Delete
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}
