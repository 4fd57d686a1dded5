/** Metadata and attributes: pairs that are edited in place. */
import { ActionIcon, Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { IconPlus, IconX } from '@tabler/icons-react'
import { useState } from 'react'

type Value = string | number | boolean

interface PairsProps {
  value: Record<string, Value>
  onChange: (value: Record<string, Value>) => void
  label: string
  /** Numbers and true or false are kept as such, as attributes are. */
  isTyped?: boolean
}

/** Up to 16 pairs; a repeated key keeps its last value. */
export function PairsEditor({ value, onChange, label, isTyped = false }: PairsProps) {
  const [pairs, setPairs] = useState<[string, string][]>(() =>
    Object.entries(value).map(([key, one]) => [key, String(one)]),
  )
  const change = (next: [string, string][]) => {
    setPairs(next)
    const named = next.filter(([key]) => key !== '')
    onChange(Object.fromEntries(named.map(([key, one]) => [key, isTyped ? typed(one) : one])))
  }
  const put = (index: number, pair: [string, string]) => change(pairs.with(index, pair))
  return (
    <Stack gap={4} role="group" aria-label={label}>
      <Text size="sm" fw={500}>
        {label}
      </Text>
      {pairs.map(([key, one], index) => (
        <Group key={index} gap={4} wrap="nowrap">
          <TextInput
            aria-label={`Key ${index + 1}`}
            placeholder="key"
            value={key}
            maxLength={64}
            flex={1}
            onChange={(event) => put(index, [event.currentTarget.value, one])}
          />
          <TextInput
            aria-label={`Value of ${key || index + 1}`}
            placeholder="value"
            value={one}
            maxLength={512}
            flex={2}
            onChange={(event) => put(index, [key, event.currentTarget.value])}
          />
          <ActionIcon
            aria-label={`Remove ${key || index + 1}`}
            onClick={() => change(pairs.toSpliced(index, 1))}
          >
            <IconX size={14} />
          </ActionIcon>
        </Group>
      ))}
      {pairs.length < 16 && (
        <Button
          variant="subtle"
          size="compact-xs"
          leftSection={<IconPlus size={12} />}
          onClick={() => setPairs([...pairs, ['', '']])}
          w="fit-content"
        >
          Add a pair
        </Button>
      )}
    </Stack>
  )
}

function typed(text: string): Value {
  if (text === 'true' || text === 'false') return text === 'true'
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text
}

interface PairsFormProps {
  value: Record<string, Value>
  label: string
  isTyped?: boolean
  onSave: (value: Record<string, Value>) => Promise<unknown>
}

/** The same with a button that saves. */
export function PairsForm({ value, label, isTyped = false, onSave }: PairsFormProps) {
  const [draft, setDraft] = useState(value)
  const [isSaving, setSaving] = useState(false)
  const isChanged = JSON.stringify(draft) !== JSON.stringify(value)
  const save = async () => {
    setSaving(true)
    await onSave(draft)
    setSaving(false)
  }
  return (
    <Stack gap={8}>
      <PairsEditor value={value} onChange={setDraft} label={label} isTyped={isTyped} />
      {isChanged && (
        <Button onClick={() => void save()} loading={isSaving} w="fit-content">
          Save
        </Button>
      )}
    </Stack>
  )
}
