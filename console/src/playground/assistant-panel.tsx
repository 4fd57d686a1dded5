/** The column that chooses an assistant and edits it. */
import { ActionIcon, Group, Select, Tooltip } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { keys, useAssistant, useEndlessList, useModels } from '../api/queries.ts'
import type { Assistant } from '../api/types.ts'
import { AssistantEditor } from '../assistants/editor.tsx'
import { Failed, Loading } from '../parts/states.tsx'
import { knownAssistant, newAssistant, type Place } from './place.ts'

interface AssistantPanelProps {
  place: Place
  setPlace: (place: Place) => void
  onDirty: (isDirty: boolean) => void
}

export function AssistantPanel({ place, setPlace, onDirty }: AssistantPanelProps) {
  const choose = (assistant: string) => setPlace({ ...place, assistant })
  return (
    <>
      <Group gap={4} wrap="nowrap" align="flex-end" className="column-head">
        <Chooser place={place} onChoose={choose} />
        <Tooltip label="New assistant">
          <ActionIcon
            variant="default"
            size={30}
            aria-label="New assistant"
            onClick={() => choose(newAssistant)}
          >
            <IconPlus size={16} />
          </ActionIcon>
        </Tooltip>
      </Group>
      {knownAssistant(place) === undefined ? (
        <NewAssistant onSaved={choose} />
      ) : (
        <KnownAssistant id={place.assistant} onSaved={choose} onDirty={onDirty} />
      )}
    </>
  )
}

function NewAssistant({ onSaved }: { onSaved: (id: string) => void }) {
  const models = useModels()
  if (models.isPending) return <Loading />
  const model = models.data?.[0] ?? ''
  return <AssistantEditor key="new" assistant={undefined} model={model} onSaved={({ id }) => onSaved(id)} />
}

interface KnownAssistantProps {
  id: string | undefined
  onSaved: (id: string) => void
  onDirty: (isDirty: boolean) => void
}

function KnownAssistant({ id, onSaved, onDirty }: KnownAssistantProps) {
  const { data, error } = useAssistant(id)
  if (data) {
    return (
      <AssistantEditor
        key={data.id}
        assistant={data}
        onSaved={(saved) => onSaved(saved.id)}
        onDirty={onDirty}
      />
    )
  }
  return error ? <Failed error={error} /> : <Loading />
}

/** Chooses among the assistants. */
function Chooser({ place, onChoose }: { place: Place; onChoose: (id: string) => void }) {
  const [text, setText] = useState('')
  const [settled] = useDebouncedValue(text, 200)
  const { data: chosen } = useAssistant(knownAssistant(place))
  // The field holds the name of the chosen one until something is typed.
  const query = settled === (chosen?.name || chosen?.id) ? '' : settled
  const list = useEndlessList<Assistant>('/assistants', { query }, { key: keys.assistants })
  const assistants = list.data?.pages.flatMap((page) => page.data) ?? []
  const all = chosen && !assistants.some(({ id }) => id === chosen.id) ? [chosen, ...assistants] : assistants
  return (
    <Select
      label="Assistant"
      flex={1}
      data={all.map((one) => ({ value: one.id, label: one.name || one.id }))}
      value={knownAssistant(place) ?? null}
      placeholder={list.isSuccess ? 'New assistant' : ''}
      searchable
      allowDeselect={false}
      onSearchChange={setText}
      filter={({ options }) => options}
      nothingFoundMessage="No assistant has this name"
      onChange={(id) => id !== null && onChoose(id)}
    />
  )
}
