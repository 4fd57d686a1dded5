/** What can be done with the messages of a thread: open a citation, fork, edit metadata, delete. */
import { Drawer, Modal } from '@mantine/core'
import { useMemo, useState, type ReactNode } from 'react'
import { call, openai } from '../api/client.ts'
import { keys, queryClient } from '../api/queries.ts'
import type { Annotation, Message, Metadata, Thread } from '../api/types.ts'
import { PairsForm } from '../parts/metadata.tsx'
import { attempt } from '../parts/notices.tsx'
import { Passage } from '../runs/passage.tsx'
import { MessageActionsContext, type MessageActions } from './message.tsx'

interface ConversationToolsProps {
  thread_id: string
  onForked: (thread_id: string) => void
  children: ReactNode
}

export async function forkThread(thread_id: string, last_message_id?: string): Promise<Thread> {
  const body = last_message_id === undefined ? {} : { last_message_id }
  const fork = await call<Thread>({ method: 'POST', path: `/threads/${thread_id}/fork`, body })
  await queryClient.invalidateQueries({ queryKey: [...keys.threads, 'list'] })
  return fork
}

export function ConversationTools({ thread_id, onForked, children }: ConversationToolsProps) {
  const [cited, setCited] = useState<{ message: Message; annotation: Annotation }>()
  const [edited, setEdited] = useState<Message>()
  const actions = useMemo<MessageActions>(() => {
    const refresh = () => queryClient.invalidateQueries({ queryKey: keys.messages(thread_id) })
    return {
      cite: (message, annotation) => setCited({ message, annotation }),
      fork: (message) =>
        void attempt(
          async () => onForked((await forkThread(thread_id, message.id)).id),
          'The thread is forked; this is the copy.',
        ),
      editMetadata: setEdited,
      remove: (message) =>
        void attempt(async () => {
          await openai().beta.threads.messages.delete(message.id, { thread_id })
          await refresh()
        }, 'The message is deleted.'),
    }
  }, [thread_id, onForked])
  const save = async (metadata: Metadata) => {
    if (!edited) return
    await attempt(async () => {
      await openai().beta.threads.messages.update(edited.id, { thread_id, metadata })
      await queryClient.invalidateQueries({ queryKey: keys.messages(thread_id) })
    }, 'The metadata is saved.')
    setEdited(undefined)
  }
  return (
    <MessageActionsContext value={actions}>
      {children}
      <Drawer
        opened={cited !== undefined}
        onClose={() => setCited(undefined)}
        position="right"
        size="min(520px, 100vw)"
        title="Cited passage"
        closeButtonProps={{ 'aria-label': 'Close the passage' }}
      >
        {cited && (
          <Passage thread_id={thread_id} run_id={cited.message.run_id} annotation={cited.annotation} />
        )}
      </Drawer>
      <Modal
        opened={edited !== undefined}
        onClose={() => setEdited(undefined)}
        title="Metadata of the message"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {edited && (
          <PairsForm
            label="Metadata"
            value={(edited.metadata ?? {}) as Metadata}
            onSave={(value) => save(value as Metadata)}
          />
        )}
      </Modal>
    </MessageActionsContext>
  )
}
