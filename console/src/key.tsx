/** The API key: requested when the server demands one, kept in this tab only. */
import {
  ActionIcon,
  Alert,
  Button,
  Paper,
  PasswordInput,
  Popover,
  Stack,
  Text,
  Title,
  Tooltip,
} from '@mantine/core'
import { IconKey } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState, type FormEvent, type ReactNode } from 'react'
import { call, failureOf } from './api/client.ts'
import { keys, queryClient } from './api/queries.ts'
import { forgetKey, hasOwnKey, keepKey } from './api/session.ts'
import type { ServerInfo } from './api/types.ts'

export function useServerInfo(refetchMs?: number) {
  return useQuery({
    queryKey: keys.server,
    queryFn: () => call<ServerInfo>({ method: 'GET', path: '/server' }),
    ...(refetchMs !== undefined && { refetchInterval: refetchMs }),
  })
}

function change(key: string | undefined): void {
  if (key === undefined) forgetKey()
  else keepKey(key)
  queryClient.clear()
  location.reload()
}

/** Shows its children, or a form for the key when the present one is refused. */
export function KeyGate({ children }: { children: ReactNode }) {
  const { error } = useServerInfo()
  if (!error || failureOf(error).status !== 401) return <>{children}</>
  return (
    <Paper className="gate" withBorder>
      <Title order={1}>This server asks for a key</Title>
      <Text size="md" c="dimmed">
        Use one of the keys in SPOOL_API_KEY. It stays in this browser tab and is sent to this server only.
      </Text>
      {hasOwnKey() && (
        <Alert color="red" role="alert">
          That key is not accepted.
        </Alert>
      )}
      <KeyForm />
    </Paper>
  )
}

function KeyForm() {
  const [key, setKey] = useState('')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (key.trim() !== '') change(key.trim())
  }
  return (
    <form onSubmit={submit}>
      <Stack gap={8}>
        <PasswordInput
          label="API key"
          value={key}
          onChange={(event) => setKey(event.currentTarget.value)}
          autoComplete="off"
          data-autofocus
        />
        <Button type="submit" disabled={key.trim() === ''}>
          Use this key
        </Button>
      </Stack>
    </form>
  )
}

export function KeyButton() {
  const { data } = useServerInfo()
  return (
    <Popover width={280} position="bottom-end" shadow="md" trapFocus>
      <Popover.Target>
        <Tooltip label={data ? `Project ${data.project}` : 'Key'}>
          <ActionIcon aria-label="Key and project">
            <IconKey size={18} />
          </ActionIcon>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown aria-label="Key and project">
        <Stack gap={8}>
          {data && (
            <Text size="sm">
              Project <b>{data.project}</b>
            </Text>
          )}
          {data && !data.asks_for_keys && (
            <Text size="sm">This server asks for no key. Set SPOOL_API_KEY to have keys.</Text>
          )}
          {data?.asks_for_keys !== false && <KeyForm />}
          {hasOwnKey() && (
            <Button variant="default" onClick={() => change(undefined)}>
              Forget the key
            </Button>
          )}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  )
}
