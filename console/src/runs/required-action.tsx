/** The form in which a user enters the outputs of function calls. */
import { Button, Group, SegmentedControl, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { IconSend } from '@tabler/icons-react'
import { useState } from 'react'
import { openai } from '../api/client.ts'
import { keys, queryClient } from '../api/queries.ts'
import type { FunctionTool, Run } from '../api/types.ts'
import { attempt } from '../parts/notices.tsx'

type Pending = NonNullable<Run['required_action']>['submit_tool_outputs']['tool_calls'][number]

export function RequiredAction({ run }: { run: Run }) {
  const calls = run.required_action?.submit_tool_outputs.tool_calls ?? []
  const [outputs, setOutputs] = useState<Record<string, string>>({})
  const [isSending, setSending] = useState(false)
  const missing = calls.filter((call) => outputs[call.id] === undefined).length
  const submit = async () => {
    setSending(true)
    const tool_outputs = calls.map(({ id }) => ({ tool_call_id: id, output: outputs[id] ?? '' }))
    await attempt(() =>
      openai().beta.threads.runs.submitToolOutputs(run.id, { thread_id: run.thread_id, tool_outputs }),
    )
    await queryClient.invalidateQueries({ queryKey: keys.threadRuns(run.thread_id) })
    setSending(false)
  }
  return (
    <form
      className="required"
      aria-label="Outputs of the functions"
      onSubmit={(event) => {
        event.preventDefault()
        void submit()
      }}
    >
      <Text fw={600} size="md">
        The run waits for{' '}
        {calls.length === 1 ? 'the output of a function' : `the outputs of ${calls.length} functions`}
      </Text>
      {calls.map((call) => (
        <CallForm
          key={call.id}
          call={call}
          tool={toolOf(run, call)}
          onChange={(output) => setOutputs((all) => ({ ...all, [call.id]: output }))}
        />
      ))}
      <Group>
        <Button type="submit" loading={isSending} leftSection={<IconSend size={14} />}>
          {calls.length === 1 ? 'Submit' : `Submit all ${calls.length}`}
        </Button>
        {missing > 0 && (
          <Text size="xs" c="dimmed">
            {missing === 1 ? 'One output is' : `${missing} outputs are`} still empty.
          </Text>
        )}
      </Group>
    </form>
  )
}

function toolOf(run: Run, call: Pending): FunctionTool | undefined {
  return run.tools.find(
    (tool): tool is FunctionTool => tool.type === 'function' && tool.function.name === call.function.name,
  )
}

interface CallFormProps {
  call: Pending
  tool: FunctionTool | undefined
  onChange: (output: string) => void
}

function CallForm({ call, tool, onChange }: CallFormProps) {
  const [mode, setMode] = useState('form')
  const { name } = call.function
  return (
    <Stack gap={8} className="call-form">
      <Group gap={8}>
        <code className="inline">{name}</code>
        {tool?.function.description && (
          <Text size="xs" c="dimmed">
            {tool.function.description}
          </Text>
        )}
        <span className="spring" />
        <SegmentedControl
          size="xs"
          aria-label={`How to answer ${name}`}
          value={mode}
          onChange={setMode}
          data={[
            { value: 'form', label: 'Form' },
            { value: 'text', label: 'Raw' },
          ]}
        />
      </Group>
      <Arguments call={call} tool={tool} />
      {mode === 'form' ? (
        <FieldsForm name={name} onChange={onChange} />
      ) : (
        <RawForm name={name} onChange={onChange} />
      )}
    </Stack>
  )
}

interface Property {
  type?: string | string[]
  description?: string
}

/** The arguments of a call, with the descriptions of the function's schema. */
function Arguments({ call, tool }: { call: Pending; tool: FunctionTool | undefined }) {
  const properties = (tool?.function.parameters?.properties ?? {}) as Record<string, Property>
  const given = parsed(call.function.arguments)
  if (!given) return <code className="inline wrap">{call.function.arguments}</code>
  const names = [...new Set([...Object.keys(properties), ...Object.keys(given)])]
  return (
    <dl className="facts">
      {names.map((name) => (
        <div key={name}>
          <dt title={properties[name]?.description}>
            {name}{' '}
            {properties[name]?.type && (
              <span className="dim">{[properties[name].type].flat().join(' or ')}</span>
            )}
          </dt>
          <dd className="mono wrap">
            {name in given ? JSON.stringify(given[name]) : <span className="dim">not given</span>}
          </dd>
        </div>
      ))}
    </dl>
  )
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** An output as named values; a single one without a name is sent as it is. */
function FieldsForm({ name, onChange }: { name: string; onChange: (output: string) => void }) {
  const [fields, setFields] = useState<[string, string][]>([['', '']])
  const change = (next: [string, string][]) => {
    setFields(next)
    const [[key, value] = ['', '']] = next
    const named = next.filter(([one]) => one !== '')
    onChange(
      next.length === 1 && key === ''
        ? value
        : JSON.stringify(Object.fromEntries(named.map(([one, text]) => [one, valueOf(text)]))),
    )
  }
  return (
    <Stack gap={4}>
      {fields.map(([key, value], index) => (
        <Group key={index} gap={4} wrap="nowrap">
          <TextInput
            aria-label={`Name of value ${index + 1} for ${name}`}
            placeholder="name (optional)"
            value={key}
            flex={1}
            onChange={(event) => change(fields.with(index, [event.currentTarget.value, value]))}
          />
          <TextInput
            aria-label={`Value ${index + 1} for ${name}`}
            placeholder="value"
            value={value}
            flex={2}
            onChange={(event) => change(fields.with(index, [key, event.currentTarget.value]))}
          />
        </Group>
      ))}
      <Button
        variant="subtle"
        size="compact-xs"
        w="fit-content"
        onClick={() => change([...fields, ['', '']])}
      >
        Add a value
      </Button>
    </Stack>
  )
}

/** Numbers, true, false, null, lists and objects are meant as such; everything else is text. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

function RawForm({ name, onChange }: { name: string; onChange: (output: string) => void }) {
  return (
    <Textarea
      aria-label={`Output of ${name}`}
      placeholder="Any text; JSON most often"
      autosize
      minRows={3}
      classNames={{ input: 'mono' }}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  )
}
