/** Where names of models lead, which of them lead nowhere, and whether a model answers. */
import { Alert, Button, Group, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { IconPlugConnected } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { Link } from 'wouter'
import { failureOf, openai, queryText } from '../api/client.ts'
import { useModels } from '../api/queries.ts'
import { useServerInfo } from '../key.tsx'
import { CodeButton } from '../parts/code.tsx'
import { Page } from '../parts/page.tsx'
import { Failed, Loading } from '../parts/states.tsx'
import { TableSection } from '../parts/table-section.tsx'
import { duration, number, plural } from '../parts/text.ts'
import { FoundServers } from './found-servers.tsx'
import type { ModelInfo } from '../api/types.ts'

export function Models() {
  const query = useServerInfo()
  const { data: names } = useModels()
  return (
    <Page
      title="Models"
      actions={<CodeButton request={{ method: 'GET', path: '/models', sdk: { name: 'models.list' } }} />}
    >
      {query.isPending && <Loading />}
      {query.isError && <Failed error={query.error} retry={() => query.refetch()} />}
      {query.data && (
        <div className="form-page wide">
          <FoundServers models={query.data.models} />
          <DeadNames models={query.data.models} />
          <Providers models={query.data.models} />
          <ModelMap models={query.data.models} />
          <NamesInUse models={query.data.models} />
          <TestAny names={names ?? []} />
        </div>
      )}
    </Page>
  )
}

/** Names of assistants that lead nowhere: their runs fail. */
function DeadNames({ models }: { models: ModelInfo }) {
  const dead = models.in_use.filter(({ target }) => target === null)
  if (dead.length === 0) return null
  return (
    <Alert color="red" title={`${plural(dead.length, 'name')} without a route`}>
      Assistants use {dead.map(({ model }) => `“${model}”`).join(', ')}, and the model map leads{' '}
      {dead.length === 1 ? 'it' : 'them'} nowhere: runs of these assistants fail. Add{' '}
      {dead.length === 1 ? 'the name' : 'the names'} or a wildcard to “models” in spool.config.json and start
      the server again.
    </Alert>
  )
}

function Providers({ models }: { models: ModelInfo }) {
  return (
    <TableSection
      title="Providers"
      columns={['Name', 'Type', 'Place', 'Key']}
      note={
        <Text size="sm" c="dimmed" mt={8}>
          Vectors are made by <span className="mono">{models.embedder.id}</span>,{' '}
          {number(models.embedder.dimensions)} dimensions.
        </Text>
      }
    >
      {models.providers.map(({ name, type, place, has_key }) => (
        <Table.Tr key={name}>
          <Table.Td className="mono">{name}</Table.Td>
          <Table.Td>{type}</Table.Td>
          <Table.Td className="mono wrap">{place}</Table.Td>
          <Table.Td>{has_key ? 'set' : 'none'}</Table.Td>
        </Table.Tr>
      ))}
    </TableSection>
  )
}

function ModelMap({ models }: { models: ModelInfo }) {
  return (
    <TableSection title="Model map" columns={['Name', 'Leads to', 'Test']}>
      {models.map.map(({ pattern, target }) => (
        <Table.Tr key={pattern}>
          <Table.Td className="mono">{pattern}</Table.Td>
          <Table.Td className="mono">{target}</Table.Td>
          <Table.Td>
            {pattern.includes('*') ? (
              <span className="dim">a pattern; test a name below</span>
            ) : (
              <TestModel model={pattern} />
            )}
          </Table.Td>
        </Table.Tr>
      ))}
    </TableSection>
  )
}

function NamesInUse({ models }: { models: ModelInfo }) {
  if (models.in_use.length === 0) return null
  return (
    <TableSection title="Names in use" columns={['Name', 'Assistants', 'Leads to', 'Test']}>
      {models.in_use.map(({ model, assistants, target }) => (
        <Table.Tr key={model}>
          <Table.Td className="mono wrap">
            <Link href={`/runs${queryText({ model })}`}>{model}</Link>
          </Table.Td>
          <Table.Td className="num">{number(assistants)}</Table.Td>
          <Table.Td className="mono">{target ?? <span className="status bad">nowhere</span>}</Table.Td>
          <Table.Td>{target !== null && <TestModel model={model} />}</Table.Td>
        </Table.Tr>
      ))}
    </TableSection>
  )
}

/** Asks the model one word, so that a route is known to work before a user needs it. */
function TestModel({ model }: { model: string }) {
  const test = useMutation({
    mutationFn: async () => {
      const from = performance.now()
      const answer = await openai().chat.completions.create(
        { model, messages: [{ role: 'user', content: 'Say OK.' }], max_completion_tokens: 256 },
        { maxRetries: 0 },
      )
      return { text: answer.choices[0]?.message.content ?? '', ms: performance.now() - from }
    },
  })
  return (
    <Group gap={8} wrap="nowrap">
      <Button
        variant="default"
        size="compact-xs"
        leftSection={<IconPlugConnected size={12} />}
        loading={test.isPending}
        onClick={() => test.mutate()}
        aria-label={`Test ${model}`}
      >
        Test
      </Button>
      <span role="status" className="clip">
        {test.data && (
          <span className="status good">
            answers in {duration(test.data.ms)}: <q className="clip">{test.data.text.slice(0, 80)}</q>
          </span>
        )}
        {test.error && <span className="status bad">{failureOf(test.error).message}</span>}
      </span>
    </Group>
  )
}

function TestAny({ names }: { names: string[] }) {
  const [text, setText] = useState('')
  const [model, setModel] = useState<string>()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setModel(text.trim())
  }
  return (
    <Stack gap={8} component="section">
      <Title order={2}>Test a name</Title>
      <form onSubmit={submit}>
        <Group gap={8} align="flex-end">
          <TextInput
            label="Model"
            list="model-names"
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          <datalist id="model-names">
            {names.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
          <Button type="submit" variant="default" disabled={text.trim() === ''}>
            Use this name
          </Button>
        </Group>
      </form>
      {model !== undefined && <TestModel key={model} model={model} />}
    </Stack>
  )
}
