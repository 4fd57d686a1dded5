/** All assistants of the project, newest first. */
import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { Link } from 'wouter'
import { queryText } from '../api/client.ts'
import { keys, useEndlessList } from '../api/queries.ts'
import type { Assistant } from '../api/types.ts'
import { CodeButton } from '../parts/code.tsx'
import { DataList, Named, type Column } from '../parts/data-list.tsx'
import { Time } from '../parts/ids.tsx'
import { Page } from '../parts/page.tsx'
import { SearchField, useSearchText } from '../parts/search-field.tsx'
import { Empty } from '../parts/states.tsx'

const columns: Column<Assistant>[] = [
  {
    title: 'Assistant',
    width: 'minmax(180px, 2fr)',
    cell: (one) => <Named name={one.name} id={one.id} fallback="Unnamed" />,
  },
  {
    title: 'Model',
    width: 'minmax(100px, 1fr)',
    cell: (one) => <span className="mono clip">{one.model}</span>,
  },
  {
    title: 'Tools',
    width: 'minmax(120px, 1.5fr)',
    isMinor: true,
    cell: (one) => <span className="clip">{toolsOf(one)}</span>,
  },
  {
    title: 'Instructions',
    width: 'minmax(120px, 2fr)',
    isMinor: true,
    cell: (one) => <span className="clip dim">{one.instructions ?? ''}</span>,
  },
  { title: 'Created', width: '88px', isRight: true, cell: (one) => <Time at={one.created_at} /> },
]

function toolsOf({ tools }: Assistant): string {
  return tools.map((tool) => (tool.type === 'function' ? tool.function.name : tool.type)).join(', ')
}

export function Assistants() {
  const query = useSearchText()
  const list = useEndlessList<Assistant>('/assistants', { query }, { key: keys.assistants })
  const path = `/assistants${queryText({ limit: 20, query })}`
  const sdk = query === undefined ? { sdk: { name: 'beta.assistants.list', params: { limit: 20 } } } : {}
  return (
    <Page
      title="Assistants"
      isFilled
      actions={
        <>
          <CodeButton request={{ method: 'GET', path, ...sdk }} />
          <Button component={Link} href="/assistants/new" leftSection={<IconPlus size={14} />}>
            New assistant
          </Button>
        </>
      }
    >
      <div className="filters" role="search">
        <SearchField label="Find by name or id" />
      </div>
      <DataList
        list={list}
        columns={columns}
        label="Assistants"
        href={(one) => `/assistants/${one.id}`}
        empty={
          query === undefined ? (
            <Empty title="No assistants yet">
              An assistant is a model with instructions and tools. Create one here, or with POST
              /v1/assistants.
            </Empty>
          ) : (
            <Empty title="No matching assistants">No name contains “{query}”.</Empty>
          )
        }
      />
    </Page>
  )
}
