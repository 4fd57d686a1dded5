/** The functions that a model may call, each as JSON that is checked as it is typed. */
import { ActionIcon, Button, Collapse, Group, Stack, Text, UnstyledButton } from '@mantine/core'
import { IconChevronRight, IconFunction, IconPlus, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import type { FunctionTool } from '../api/types.ts'
import { JsonField } from '../parts/json-field.tsx'
import { functionFault } from '../parts/schema.ts'
import { exampleFunction, functionsOf, withFunctions } from './draft.ts'
import type { FieldsProps } from './fields.tsx'

export function FunctionsEditor({ draft, onChange, onFault }: FieldsProps) {
  const functions = functionsOf(draft)
  const [opened, setOpened] = useState<number>()
  const put = (next: FunctionTool[]) => onChange(withFunctions(draft, next))
  const add = () => {
    const taken = new Set(functions.map((tool) => tool.function.name))
    let name = exampleFunction.name
    for (let count = 2; taken.has(name); count++) name = `${exampleFunction.name}_${count}`
    setOpened(functions.length)
    put([...functions, { type: 'function', function: { ...exampleFunction, name } }])
  }
  return (
    <Stack gap={4}>
      {functions.map((tool, index) => (
        <FunctionCard
          key={index}
          tool={tool}
          isOpen={opened === index}
          onToggle={() => setOpened(opened === index ? undefined : index)}
          onRemove={() => put(functions.toSpliced(index, 1))}
          onChange={(changed) => {
            onFault(`function ${index}`, changed ? '' : 'a function')
            if (changed) put(functions.with(index, { type: 'function', function: changed }))
          }}
        />
      ))}
      <Group gap={8}>
        <Button variant="default" size="compact-xs" leftSection={<IconPlus size={12} />} onClick={add}>
          Add a function
        </Button>
        {functions.length === 0 && (
          <Text size="xs" c="dimmed">
            It starts as an example.
          </Text>
        )}
      </Group>
    </Stack>
  )
}

interface FunctionCardProps {
  tool: FunctionTool
  isOpen: boolean
  onToggle: () => void
  onRemove: () => void
  /** undefined: what is written cannot be used. */
  onChange: (changed: FunctionTool['function'] | undefined) => void
}

function FunctionCard({ tool, isOpen, onToggle, onRemove, onChange }: FunctionCardProps) {
  const { name } = tool.function
  return (
    <div className="card">
      <Group gap={0} wrap="nowrap">
        <UnstyledButton className="card-head" aria-expanded={isOpen} onClick={onToggle}>
          <IconFunction size={16} aria-hidden />
          <span className="clip mono">{name}</span>
          <span className="spring" />
          <IconChevronRight size={14} className={isOpen ? 'turned' : ''} aria-hidden />
        </UnstyledButton>
        <ActionIcon aria-label={`Remove ${name}`} onClick={onRemove}>
          <IconTrash size={14} />
        </ActionIcon>
      </Group>
      <Collapse expanded={isOpen} transitionDuration={100}>
        <div className="card-body">
          <JsonField
            label="Function"
            value={tool.function}
            check={functionFault}
            minRows={8}
            onChange={onChange}
          />
        </div>
      </Collapse>
    </div>
  )
}
