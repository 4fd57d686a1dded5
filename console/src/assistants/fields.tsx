/** The fields of an assistant. */
import {
  Accordion,
  Autocomplete,
  NumberInput,
  Select,
  Stack,
  Switch,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core'
import { useModels } from '../api/queries.ts'
import { JsonField } from '../parts/json-field.tsx'
import { PairsEditor } from '../parts/metadata.tsx'
import { formatFault } from '../parts/schema.ts'
import { exampleFormat, hasTool, withTool, type Draft } from './draft.ts'
import { FunctionsEditor } from './functions.tsx'
import { CodeFiles, SearchStores } from './resources.tsx'

export interface FieldsProps {
  draft: Draft
  onChange: (draft: Draft) => void
  /** Names what cannot be used yet; an empty text when nothing is wrong. */
  onFault: (place: string, fault: string) => void
}

export function AssistantFields(props: FieldsProps) {
  const { draft, onChange } = props
  const { data: models } = useModels()
  const set = (change: Partial<Draft>) => onChange({ ...draft, ...change })
  return (
    <Stack gap={12}>
      <TextInput
        label="Name"
        value={draft.name}
        maxLength={256}
        onChange={(event) => set({ name: event.currentTarget.value })}
      />
      <Autocomplete
        label="Model"
        required
        description="Any name that the model map knows"
        data={models ?? []}
        value={draft.model}
        onChange={(model) => set({ model })}
        limit={50}
      />
      <Textarea
        label="Instructions"
        autosize
        minRows={5}
        maxRows={20}
        value={draft.instructions}
        onChange={(event) => set({ instructions: event.currentTarget.value })}
      />
      <Tools {...props} />
      <More {...props} />
    </Stack>
  )
}

/** What is set less often. */
function More(props: FieldsProps) {
  const { draft, onChange } = props
  const set = (change: Partial<Draft>) => onChange({ ...draft, ...change })
  return (
    <Accordion variant="default" chevronSize={14} multiple classNames={{ root: 'more' }}>
      <Accordion.Item value="format">
        <Accordion.Control>Answers: {formatName(draft)}</Accordion.Control>
        <Accordion.Panel>
          <FormatFields {...props} />
        </Accordion.Panel>
      </Accordion.Item>
      <Accordion.Item value="sampling">
        <Accordion.Control>Temperature and reasoning</Accordion.Control>
        <Accordion.Panel>
          <SamplingFields value={draft} onChange={set} />
        </Accordion.Panel>
      </Accordion.Item>
      <Accordion.Item value="more">
        <Accordion.Control>Description and metadata</Accordion.Control>
        <Accordion.Panel>
          <Stack gap={12}>
            <Textarea
              label="Description"
              autosize
              minRows={2}
              maxLength={512}
              value={draft.description}
              onChange={(event) => set({ description: event.currentTarget.value })}
            />
            <PairsEditor
              label="Metadata"
              value={draft.metadata}
              onChange={(metadata) => set({ metadata: metadata as Draft['metadata'] })}
            />
          </Stack>
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  )
}

function formatName({ response_format }: Draft): string {
  if (typeof response_format === 'string' || response_format.type === 'text') return 'text'
  return response_format.type === 'json_schema'
    ? `JSON by schema ${response_format.json_schema.name}`
    : 'JSON'
}

function Tools(props: FieldsProps) {
  const { draft, onChange } = props
  return (
    <Stack gap={8} role="group" aria-label="Tools">
      <Text size="sm" fw={500}>
        Tools
      </Text>
      <Switch
        label="File search"
        description="Finds passages in vector stores and cites them"
        checked={hasTool(draft, 'file_search')}
        onChange={(event) => onChange(withTool(draft, 'file_search', event.currentTarget.checked))}
      />
      {hasTool(draft, 'file_search') && <SearchStores {...props} />}
      <Switch
        label="Code interpreter"
        description="Runs Python in a sandbox"
        checked={hasTool(draft, 'code_interpreter')}
        onChange={(event) => onChange(withTool(draft, 'code_interpreter', event.currentTarget.checked))}
      />
      {hasTool(draft, 'code_interpreter') && <CodeFiles {...props} />}
      <FunctionsEditor {...props} />
    </Stack>
  )
}

/** How answers must look; also for one run. */
export function FormatFields({
  draft,
  onChange,
  onFault,
}: Pick<FieldsProps, 'onFault'> & {
  draft: Pick<Draft, 'response_format'>
  onChange: (draft: never) => void
}) {
  const set = onChange as (draft: Pick<Draft, 'response_format'>) => void
  const format = draft.response_format
  const type = typeof format === 'string' ? 'auto' : format.type
  const choose = (next: string | null) => {
    onFault('response_format', '')
    if (next === 'json_schema') set({ ...draft, response_format: { type: next, json_schema: exampleFormat } })
    else if (next === 'json_object' || next === 'text') set({ ...draft, response_format: { type: next } })
    else set({ ...draft, response_format: 'auto' })
  }
  return (
    <Stack gap={8}>
      <Select
        label="Response format"
        data={[
          { value: 'auto', label: 'auto' },
          { value: 'text', label: 'text' },
          { value: 'json_object', label: 'json_object' },
          { value: 'json_schema', label: 'json_schema' },
        ]}
        value={type}
        allowDeselect={false}
        onChange={choose}
      />
      {typeof format !== 'string' && format.type === 'json_schema' && (
        <JsonField
          label="JSON schema"
          value={format.json_schema}
          check={formatFault}
          onChange={(json_schema) => {
            onFault('response_format', json_schema ? '' : 'the response format')
            if (json_schema) set({ ...draft, response_format: { type: 'json_schema', json_schema } })
          }}
        />
      )}
    </Stack>
  )
}

const efforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']

type Sampling = Pick<Draft, 'temperature' | 'top_p' | 'reasoning_effort'>

export function SamplingFields({
  value,
  onChange,
}: {
  value: Sampling
  onChange: (change: Partial<Sampling>) => void
}) {
  const numberOf = (given: string | number) => (given === '' ? null : Number(given))
  return (
    <Stack gap={8}>
      <NumberInput
        label="Temperature"
        placeholder="1"
        min={0}
        max={2}
        step={0.1}
        value={value.temperature ?? ''}
        onChange={(given) => onChange({ temperature: numberOf(given) })}
      />
      <NumberInput
        label="Top p"
        placeholder="1"
        min={0}
        max={1}
        step={0.05}
        value={value.top_p ?? ''}
        onChange={(given) => onChange({ top_p: numberOf(given) })}
      />
      <Select
        label="Reasoning effort"
        placeholder="The model’s own"
        clearable
        clearButtonProps={{ 'aria-label': 'Clear' }}
        data={efforts}
        value={value.reasoning_effort}
        onChange={(reasoning_effort) => onChange({ reasoning_effort })}
      />
    </Stack>
  )
}
