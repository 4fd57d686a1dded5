/** What the demo model can do, how a real one is connected, and what was found on this machine. */
import { Alert, Stack, Text } from '@mantine/core'
import { IconInfoCircle } from '@tabler/icons-react'
import { Code } from '../parts/code.tsx'
import type { ModelInfo } from '../api/types.ts'

export function FoundServers({ models }: { models: ModelInfo }) {
  if (!models.is_demo) return null
  const [found] = models.found
  const command = found ? `OPENAI_BASE_URL=${found.base_url} npm start` : 'OPENAI_API_KEY=sk-… npm start'
  return (
    <Alert role="note" color="yellow" icon={<IconInfoCircle size={18} />} title="The demo model answers">
      <Stack gap={8}>
        <Text size="sm">
          It knows nothing, but it streams, searches your files, calls functions and runs Python, so that
          everything here can be tried. Lines such as <code className="inline">python print(6*7)</code>,{' '}
          <code className="inline">search WORDS</code> or <code className="inline">say TEXT</code> in a
          message control it.
        </Text>
        <Text size="sm">
          {found
            ? `${found.name} runs on this machine${found.models.length > 0 ? ` with ${found.models.slice(0, 5).join(', ')}` : ''}. Stop this server and start it with:`
            : 'To connect a real model, start the server with a key or the address of any OpenAI-compatible server:'}
        </Text>
        <Code text={command} language="bash" label="How to connect a model" />
      </Stack>
    </Alert>
  )
}
