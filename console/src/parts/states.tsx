/** What a view shows when it has nothing else to show: loading, empty, failed. */
import { Alert, Button, Skeleton, Stack, Text, Title } from '@mantine/core'
import { IconAlertCircle, IconPlugConnectedX } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { failureOf } from '../api/client.ts'
import { Id } from './ids.tsx'

export function Loading({ rows = 6 }: { rows?: number }) {
  return (
    <Stack gap={8} p="md" aria-busy="true" aria-label="Loading">
      {Array.from({ length: rows }, (_, index) => (
        <Skeleton key={index} height={28} radius="sm" />
      ))}
    </Stack>
  )
}

export function Empty({
  title,
  children,
  action,
}: {
  title: string
  children: ReactNode
  action?: ReactNode
}) {
  return (
    <div className="empty">
      <Title order={2}>{title}</Title>
      <Text component="div" c="dimmed" size="md">
        {children}
      </Text>
      {action}
    </div>
  )
}

/** What failed, with the id by which the server's log knows the request. */
export function Failed({ error, retry }: { error: unknown; retry?: (() => unknown) | undefined }) {
  const { status, message, requestId } = failureOf(error)
  const Icon = status === undefined ? IconPlugConnectedX : IconAlertCircle
  const title =
    status === undefined
      ? 'The server does not answer'
      : status === 401
        ? 'This key is not accepted'
        : status === 404
          ? 'Not found'
          : `The server refused (${status})`
  return (
    <Alert color="red" icon={<Icon size={18} />} title={title} m="md" role="alert">
      <Stack gap={8} align="flex-start">
        {status !== undefined && <Text size="sm">{message}</Text>}
        {status === undefined && (
          <Text size="sm">This page keeps what it shows and retries automatically.</Text>
        )}
        {status === 401 && <Text size="sm">Sign in with a key of this server, at the top right.</Text>}
        {requestId !== undefined && (
          <Text size="xs" c="dimmed" component="div">
            Request <Id id={requestId} />
          </Text>
        )}
        {retry && (
          <Button variant="default" onClick={() => void retry()}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  )
}
