/** An assistant being edited: what changed can be saved, saved as a new one, or put back. */
import { Button, Group, Text } from '@mantine/core'
import { useEffect, useState } from 'react'
import { openai } from '../api/client.ts'
import { keys, queryClient } from '../api/queries.ts'
import type { Assistant } from '../api/types.ts'
import { attempt } from '../parts/notices.tsx'
import { bodyOf, draftOf, emptyDraft, type Draft } from './draft.ts'
import { AssistantFields } from './fields.tsx'

interface EditorProps {
  /** undefined: a new one. */
  assistant: Assistant | undefined
  /** The model of a new one. */
  model?: string
  onSaved: (assistant: Assistant) => void
  /** Hears whether something is not saved yet. */
  onDirty?: (isDirty: boolean) => void
}

export function AssistantEditor({ assistant, model = '', onSaved, onDirty }: EditorProps) {
  const saved = assistant ? draftOf(assistant) : emptyDraft(model)
  const [draft, setDraft] = useState<Draft>(saved)
  const [faults, setFaults] = useState<Record<string, string>>({})
  const [isSaving, setSaving] = useState(false)
  // Fields with their own text are mounted again when the draft is reset.
  const [round, setRound] = useState(0)
  const isDirty = JSON.stringify(bodyOf(draft)) !== JSON.stringify(bodyOf(saved))
  const fault = Object.values(faults).find((one) => one !== '')
  useEffect(() => onDirty?.(isDirty), [isDirty, onDirty])
  useWarning(isDirty)
  const save = async (asNew: boolean) => {
    setSaving(true)
    const made = await attempt(
      () =>
        assistant && !asNew
          ? openai().beta.assistants.update(assistant.id, bodyOf(draft) as object)
          : openai().beta.assistants.create(bodyOf(draft)),
      'The assistant is saved.',
    )
    setSaving(false)
    if (!made) return
    queryClient.setQueryData(keys.assistant(made.id), made)
    await queryClient.invalidateQueries({ queryKey: [...keys.assistants, 'list'] })
    setDraft(draftOf(made))
    onSaved(made)
  }
  const reset = () => {
    setDraft(saved)
    setFaults({})
    setRound(round + 1)
  }
  return (
    <>
      <AssistantFields
        key={round}
        draft={draft}
        onChange={setDraft}
        onFault={(place, text) => setFaults((all) => ({ ...all, [place]: text }))}
      />
      <SaveBar
        isNew={assistant === undefined}
        isDirty={isDirty}
        fault={fault ?? (draft.model.trim() === '' ? 'the model: it is empty' : undefined)}
        isSaving={isSaving}
        onSave={(asNew) => void save(asNew)}
        onReset={reset}
      />
    </>
  )
}

interface SaveBarProps {
  isNew: boolean
  isDirty: boolean
  /** Where something cannot be used yet. */
  fault: string | undefined
  isSaving: boolean
  onSave: (asNew: boolean) => void
  onReset: () => void
}

function SaveBar({ isNew, isDirty, fault, isSaving, onSave, onReset }: SaveBarProps) {
  const cannot = fault !== undefined
  const state = isDirty && !isNew ? 'Not saved yet' : ''
  return (
    <Group gap={8} className="save-bar">
      <Button onClick={() => onSave(false)} disabled={cannot || (!isDirty && !isNew)} loading={isSaving}>
        {isNew ? 'Create' : 'Save'}
      </Button>
      {!isNew && (
        <Button variant="default" onClick={() => onSave(true)} disabled={cannot}>
          Save as new
        </Button>
      )}
      {isDirty && !isNew && (
        <Button variant="subtle" color="gray" onClick={onReset}>
          Undo
        </Button>
      )}
      <Text size="xs" c="dimmed" role="status">
        {cannot ? `Something is wrong in ${fault}.` : state}
      </Text>
    </Group>
  )
}

/** The browser asks before it leaves a page with unsaved changes. */
function useWarning(isDirty: boolean): void {
  useEffect(() => {
    if (!isDirty) return
    const warn = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', warn)
    return () => removeEventListener('beforeunload', warn)
  }, [isDirty])
}
