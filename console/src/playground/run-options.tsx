/** The drawer with the settings of the next run. */
import {
  Autocomplete,
  Button,
  Drawer,
  NumberInput,
  Select,
  Stack,
  Switch,
  Text,
  Textarea,
} from '@mantine/core'
import { useState } from 'react'
import { useAssistant, useModels } from '../api/queries.ts'
import { FormatFields, SamplingFields } from '../assistants/fields.tsx'
import { PairsEditor } from '../parts/metadata.tsx'
import { noOptions, type RunOptions } from './options.ts'

interface RunOptionsProps {
  options: RunOptions
  onChange: (options: RunOptions) => void
  assistant_id: string | undefined
  isOpen: boolean
  onClose: () => void
}

export function RunOptionsDrawer(props: RunOptionsProps) {
  const { isOpen, onClose, onChange } = props
  const [round, setRound] = useState(0)
  const reset = () => {
    onChange(noOptions)
    setRound(round + 1)
  }
  return (
    <Drawer
      opened={isOpen}
      onClose={onClose}
      position="right"
      size="min(420px, 100vw)"
      title="Options of the next runs"
      closeButtonProps={{ 'aria-label': 'Close the options' }}
    >
      <Stack gap={12} key={round}>
        <Text size="sm" c="dimmed">
          They apply to the runs that you start here and do not change the assistant.
        </Text>
        <ModelFields {...props} />
        <LimitFields {...props} />
        <ToolFields {...props} />
        <Button variant="default" onClick={reset}>
          Back to the assistant’s
        </Button>
      </Stack>
    </Drawer>
  )
}

function ModelFields({ options, onChange }: RunOptionsProps) {
  const { data: models } = useModels()
  const set = (change: Partial<RunOptions>) => onChange({ ...options, ...change })
  return (
    <>
      <Autocomplete
        label="Model"
        placeholder="The assistant’s"
        data={models ?? []}
        value={options.model}
        onChange={(model) => set({ model })}
        limit={50}
      />
      <Textarea
        label="Instructions"
        placeholder="The assistant’s"
        autosize
        minRows={2}
        maxRows={10}
        value={options.instructions}
        onChange={(event) => set({ instructions: event.currentTarget.value })}
      />
      <Textarea
        label="Additional instructions"
        description="Are added to the instructions"
        autosize
        minRows={2}
        maxRows={10}
        value={options.additional_instructions}
        onChange={(event) => set({ additional_instructions: event.currentTarget.value })}
      />
      <SamplingFields value={options} onChange={set} />
    </>
  )
}

function LimitFields({ options, onChange }: RunOptionsProps) {
  const set = (change: Partial<RunOptions>) => onChange({ ...options, ...change })
  const numberOf = (given: string | number) => (given === '' ? null : Number(given))
  return (
    <>
      <Select
        label="Truncation strategy"
        data={['auto', 'last_messages']}
        value={options.truncation}
        allowDeselect={false}
        onChange={(given) => set({ truncation: given === 'last_messages' ? given : 'auto' })}
      />
      {options.truncation === 'last_messages' && (
        <NumberInput
          label="Last messages"
          min={1}
          value={options.last_messages}
          onChange={(given) => set({ last_messages: Number(given) || 1 })}
        />
      )}
      <NumberInput
        label="Max prompt tokens"
        description="Over the whole run, at least 256"
        placeholder="No limit"
        min={256}
        value={options.max_prompt_tokens ?? ''}
        onChange={(given) => set({ max_prompt_tokens: numberOf(given) })}
      />
      <NumberInput
        label="Max completion tokens"
        description="Over the whole run, at least 256"
        placeholder="No limit"
        min={256}
        value={options.max_completion_tokens ?? ''}
        onChange={(given) => set({ max_completion_tokens: numberOf(given) })}
      />
    </>
  )
}

function ToolFields({ options, onChange, assistant_id }: RunOptionsProps) {
  const { data: assistant } = useAssistant(assistant_id)
  const set = (change: Partial<RunOptions>) => onChange({ ...options, ...change })
  const tools = (assistant?.tools ?? []).map((tool) =>
    tool.type === 'function' ? `function:${tool.function.name}` : tool.type,
  )
  return (
    <>
      <Select
        label="Tool choice"
        data={['auto', 'none', ...(tools.length > 0 ? ['required'] : []), ...tools]}
        value={options.tool_choice}
        allowDeselect={false}
        onChange={(tool_choice) => set({ tool_choice: tool_choice ?? 'auto' })}
      />
      <Switch
        label="Parallel tool calls"
        checked={options.parallel_tool_calls}
        onChange={(event) => set({ parallel_tool_calls: event.currentTarget.checked })}
      />
      <Switch
        label="Custom response format"
        checked={options.response_format !== undefined}
        onChange={(event) => set({ response_format: event.currentTarget.checked ? 'auto' : undefined })}
      />
      {options.response_format !== undefined && (
        <FormatFields
          draft={{ response_format: options.response_format }}
          onFault={() => {}}
          onChange={({ response_format }: Pick<RunOptions, 'response_format'>) => set({ response_format })}
        />
      )}
      <PairsEditor
        label="Metadata of the run"
        value={options.metadata}
        onChange={(metadata) => set({ metadata: metadata as Record<string, string> })}
      />
    </>
  )
}
