/** The state of the server: its health, what it works with, its storage and its settings. */
import { Table, Title } from '@mantine/core'
import { useServerInfo } from '../key.tsx'
import { CodeButton } from '../parts/code.tsx'
import { Time } from '../parts/ids.tsx'
import { Facts, Page } from '../parts/page.tsx'
import { Failed, Loading } from '../parts/states.tsx'
import { TableSection } from '../parts/table-section.tsx'
import { bytes, number } from '../parts/text.ts'
import { useReadiness } from '../server-state.tsx'
import { FoundServers } from './found-servers.tsx'
import type { ServerInfo } from '../api/types.ts'

export function Server() {
  const query = useServerInfo(5000)
  return (
    <Page title="Server" actions={<CodeButton request={{ method: 'GET', path: '/server' }} />}>
      {query.isPending && <Loading />}
      {query.isError && <Failed error={query.error} retry={() => query.refetch()} />}
      {query.data && (
        <div className="form-page wide">
          <Health info={query.data} />
          <FoundServers models={query.data.models} />
          <Storage info={query.data} />
          <Settings info={query.data} />
        </div>
      )}
    </Page>
  )
}

function Health({ info }: { info: ServerInfo }) {
  const { data: ready, isError } = useReadiness()
  const sandbox = info.sandbox as { driver?: string | null; why?: string }
  const state = isError ? 'away' : ready?.ready ? 'ready' : 'not ready'
  return (
    <section>
      <Title order={2}>Health</Title>
      <Facts
        facts={[
          [
            'Server',
            <span key="server" className={`status ${state === 'ready' ? 'good' : 'bad'}`}>
              {state}
            </span>,
          ],
          ['Version', info.version],
          ['Running since', <Time key="since" at={info.started_at} />],
          ['Roles', info.roles.join(', ')],
          ['Node.js', `${info.node}, ${info.platform}`],
          ['Database', `${info.database.description}, PostgreSQL ${info.database.version}`],
          ['Sandbox', [sandbox.driver ?? 'none', sandbox.why].filter(Boolean).join(': ')],
          ['Models', info.models.description],
          ['Keys', info.asks_for_keys ? 'asked for' : 'any key is accepted'],
          ['Project of your key', info.project],
        ]}
      />
    </section>
  )
}

function Storage({ info }: { info: ServerInfo }) {
  const { storage, database, memory } = info
  return (
    <section>
      <Title order={2}>Storage and memory</Title>
      <Facts
        facts={[
          ...Object.entries(storage.objects).map(([kind, count]): [string, string] => [
            kind.replaceAll('_', ' '),
            number(count),
          ]),
          ['Database', bytes(database.bytes)],
          ['File contents', `${bytes(storage.file_bytes)} in ${storage.place}`],
          ...(storage.disk
            ? [
                ['Disk', `${bytes(storage.disk.free_bytes)} free of ${bytes(storage.disk.total_bytes)}`] as [
                  string,
                  string,
                ],
              ]
            : []),
          ['Memory of the server', `${bytes(memory.process_bytes)}, heap ${bytes(memory.heap_bytes)}`],
          ['Memory of the machine', `${bytes(memory.free_bytes)} free of ${bytes(memory.total_bytes)}`],
        ]}
      />
    </section>
  )
}

function Settings({ info }: { info: ServerInfo }) {
  return (
    <TableSection title="Settings in force" columns={['Setting', 'Value']}>
      {info.settings.map(({ name, value }) => (
        <Table.Tr key={name}>
          <Table.Td className="mono">{name}</Table.Td>
          <Table.Td className="mono wrap">
            {value === null ? (
              <span className="dim">not set</span>
            ) : typeof value === 'string' ? (
              value
            ) : (
              JSON.stringify(value)
            )}
          </Table.Td>
        </Table.Tr>
      ))}
    </TableSection>
  )
}
