/** A section of a page: a title and a table that scrolls by itself. */
import { Table, Title } from '@mantine/core'
import type { ReactNode } from 'react'

interface TableSectionProps {
  title: string
  columns: readonly string[]
  /** The rows. */
  children: ReactNode
  /** Shown below the table. */
  note?: ReactNode
}

export function TableSection({ title, columns, children, note }: TableSectionProps) {
  return (
    <section>
      <Title order={2}>{title}</Title>
      <div className="table-scroll" tabIndex={0} role="region" aria-label={title}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              {columns.map((column) => (
                <Table.Th key={column}>{column}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>{children}</Table.Tbody>
        </Table>
      </div>
      {note}
    </section>
  )
}
