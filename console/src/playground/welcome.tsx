/** What is shown before the first message: the guided start with a sample document, and the demo model's limits. */
import { Button, Group, Loader, Paper, Stack, Text, Title } from '@mantine/core'
import { IconFileText } from '@tabler/icons-react'
import { useState } from 'react'
import type { RequestCode } from '../api/code.ts'
import { useAssistant } from '../api/queries.ts'
import { useServerInfo } from '../key.tsx'
import { attempt } from '../parts/notices.tsx'
import { FoundServers } from '../server/found-servers.tsx'
import { knownAssistant, type Place } from './place.ts'
import { noOptions } from './options.ts'
import { makeSample, questions, sampleKey } from './sample.ts'
import { beginRun } from './send.ts'

interface WelcomeProps {
  place: Place
  setPlace: (place: Place) => void
  onBegin: (thread_id: string, run_id: string) => void
  onAction: (action: RequestCode) => void
}

export function Welcome(props: WelcomeProps) {
  const { data: info } = useServerInfo()
  const { data: assistant } = useAssistant(knownAssistant(props.place))
  const isSample =
    (assistant?.metadata as Record<string, string> | null | undefined)?.[sampleKey] !== undefined
  return (
    <div className="conversation welcome" tabIndex={0} role="region" aria-label="Before the first message">
      {isSample ? <Questions {...props} /> : <SampleCard {...props} />}
      {info && <FoundServers models={info.models} />}
    </div>
  )
}

function SampleCard({ place, setPlace }: WelcomeProps) {
  const [step, setStep] = useState<string>()
  const begin = async () => {
    const made = await attempt(() => makeSample(setStep))
    setStep(undefined)
    if (made) setPlace({ ...place, assistant: made })
  }
  return (
    <Paper withBorder p="md">
      <Stack gap={8} align="flex-start">
        <Title order={2}>Ask a sample document</Title>
        <Text size="md" c="dimmed">
          This creates an assistant and a vector store with a short document about a lighthouse, and shows
          three questions. The answer cites the passage that it is taken from, and the tab Code shows the
          calls that do the same.
        </Text>
        <Button
          leftSection={step === undefined ? <IconFileText size={14} /> : <Loader size={12} color="white" />}
          onClick={() => void begin()}
          disabled={step !== undefined}
        >
          {step ?? 'Ask a sample document'}
        </Button>
      </Stack>
    </Paper>
  )
}

function Questions({ place, setPlace, onBegin, onAction }: WelcomeProps) {
  const ask = async (text: string) => {
    const sent = await attempt(() =>
      beginRun({ ...place, assistant: knownAssistant(place) ?? '' }, { text, files: [], options: noOptions }),
    )
    if (!sent) return
    onAction(sent.action)
    onBegin(sent.run.thread_id, sent.run.id)
    setPlace({ ...place, thread: sent.run.thread_id })
  }
  return (
    <Paper withBorder p="md">
      <Stack gap={8} align="flex-start">
        <Title order={2}>Ask it something</Title>
        <Text size="md" c="dimmed">
          The document is in the vector store of this assistant. Choose a question, or write your own below.
        </Text>
        <Group gap={8}>
          {questions.map((question) => (
            <Button key={question} variant="default" onClick={() => void ask(question)}>
              {question}
            </Button>
          ))}
        </Group>
      </Stack>
    </Paper>
  )
}
