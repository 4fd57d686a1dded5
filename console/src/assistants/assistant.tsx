/** The page of one assistant: it is edited here, duplicated, tried and deleted. */
import { Button } from '@mantine/core'
import { IconCopy, IconPlayerPlay, IconTerminal2, IconTrash } from '@tabler/icons-react'
import { Link, useLocation, useParams } from 'wouter'
import { openai } from '../api/client.ts'
import { keys, queryClient, useAssistant, useModels } from '../api/queries.ts'
import type { Assistant } from '../api/types.ts'
import { CodeButton } from '../parts/code.tsx'
import { Id, Time } from '../parts/ids.tsx'
import { attempt } from '../parts/notices.tsx'
import { ConfirmButton, Page } from '../parts/page.tsx'
import { Failed, Loading } from '../parts/states.tsx'
import { bodyOf, draftOf } from './draft.ts'
import { AssistantEditor } from './editor.tsx'

export function AssistantPage() {
  const { id } = useParams<{ id: string }>()
  return id === 'new' ? <NewAssistant /> : <KnownAssistant key={id} id={id} />
}

function NewAssistant() {
  const [, navigate] = useLocation()
  const models = useModels()
  return (
    <Page title="New assistant" back={{ href: '/assistants', label: 'Assistants' }}>
      <div className="form-page">
        {models.isPending ? (
          <Loading />
        ) : (
          <AssistantEditor
            assistant={undefined}
            model={models.data?.[0] ?? ''}
            onSaved={({ id }) => navigate(`/assistants/${id}`)}
          />
        )}
      </div>
    </Page>
  )
}

function KnownAssistant({ id }: { id: string }) {
  const [, navigate] = useLocation()
  const query = useAssistant(id)
  if (query.isPending) return <Loading />
  if (query.isError && !query.data) return <Failed error={query.error} retry={() => query.refetch()} />
  const assistant = query.data
  const detail = (
    <>
      <Id id={assistant.id} />
      <Time at={assistant.created_at} />
    </>
  )
  return (
    <Page
      title={assistant.name || 'Unnamed assistant'}
      back={{ href: '/assistants', label: 'Assistants' }}
      detail={detail}
      actions={<AssistantActions assistant={assistant} />}
    >
      <div className="form-page">
        <AssistantEditor
          assistant={assistant}
          onSaved={(saved) => saved.id !== id && navigate(`/assistants/${saved.id}`)}
        />
      </div>
    </Page>
  )
}

function AssistantActions({ assistant }: { assistant: Assistant }) {
  const [, navigate] = useLocation()
  const { id, name } = assistant
  const refresh = () => queryClient.invalidateQueries({ queryKey: [...keys.assistants, 'list'] })
  const duplicate = () =>
    attempt(async () => {
      const copy = await openai().beta.assistants.create({
        ...bodyOf(draftOf(assistant)),
        name: `${name || 'Assistant'} (copy)`.slice(0, 256),
      })
      await refresh()
      navigate(`/assistants/${copy.id}`)
    }, 'This is the copy.')
  const remove = () =>
    attempt(async () => {
      await openai().beta.assistants.delete(id)
      navigate('/assistants')
      queryClient.removeQueries({ queryKey: keys.assistant(id) })
      await refresh()
    }, 'The assistant is deleted.')
  return (
    <>
      <Button
        component={Link}
        href={`/?assistant=${id}`}
        variant="default"
        leftSection={<IconTerminal2 size={14} />}
      >
        Playground
      </Button>
      <Button
        component={Link}
        href={`/runs?assistant_id=${id}`}
        variant="default"
        leftSection={<IconPlayerPlay size={14} />}
      >
        Runs
      </Button>
      <Button variant="default" leftSection={<IconCopy size={14} />} onClick={() => void duplicate()}>
        Duplicate
      </Button>
      <ConfirmButton
        label="Delete"
        question="The assistant goes; its threads and runs stay. This cannot be undone."
        icon={<IconTrash size={14} />}
        onConfirm={remove}
      />
      <CodeButton
        request={{
          method: 'GET',
          path: `/assistants/${id}`,
          sdk: { name: 'beta.assistants.retrieve', ids: [id] },
        }}
      />
    </>
  )
}
