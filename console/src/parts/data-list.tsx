/** The list of every kind of object: dense, without end, and drawn only where it is seen. */
import { Text } from '@mantine/core'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react'
import { Link, useLocation } from 'wouter'
import type { EndlessList } from '../api/queries.ts'
import { Failed, Loading } from './states.tsx'

export interface Column<Item> {
  title: string
  /** A track of a CSS grid. */
  width: string
  /** Left out on a narrow screen. */
  isMinor?: boolean
  isRight?: boolean
  cell: (item: Item) => ReactNode
}

interface DataListProps<Item> {
  list: EndlessList<Item>
  columns: Column<Item>[]
  href: (item: Item) => string
  label: string
  empty: ReactNode
}

const rowHeight = 44

export function DataList<Item extends { id: string }>(props: DataListProps<Item>) {
  const { list, empty } = props
  if (list.isPending) return <Loading rows={10} />
  if (list.isError && !list.data) return <Failed error={list.error} retry={() => list.refetch()} />
  const items = list.data?.pages.flatMap((page) => page.data) ?? []
  if (items.length === 0 && !list.hasNextPage) return <>{empty}</>
  return <Rows {...props} items={items} />
}

function Rows<Item extends { id: string }>(props: DataListProps<Item> & { items: Item[] }) {
  const { items, columns, list, href, label } = props
  const scroller = useRef<HTMLDivElement>(null)
  const [, navigate] = useLocation()
  const [chosen, setChosen] = useState(-1)
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
  })
  const shown = rows.getVirtualItems()
  const lastShown = shown.at(-1)?.index ?? 0
  const { hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage } = list
  useEffect(() => {
    if (lastShown >= items.length - 15 && hasNextPage && !isFetchingNextPage && !isFetchNextPageError)
      void fetchNextPage()
  }, [lastShown, items.length, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage])
  const choose = (index: number) => {
    const next = Math.max(0, Math.min(items.length - 1, index))
    setChosen(next)
    rows.scrollToIndex(next)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'j' || event.key === 'ArrowDown') choose(chosen + 1)
    else if (event.key === 'k' || event.key === 'ArrowUp') choose(chosen - 1)
    else if (event.key === 'Enter' && items[chosen] && event.target === scroller.current)
      navigate(href(items[chosen]))
    else return
    event.preventDefault()
  }
  useListKeys(onKeyDown)
  const template = columns.map((column) => column.width).join(' ')
  const narrow = narrowTemplate(columns)
  const style = { '--columns': template, '--narrow-columns': narrow } as React.CSSProperties
  return (
    <div className="list" style={style}>
      <Header columns={columns} />
      <div className="list-rows" ref={scroller} tabIndex={0} role="region" aria-label={label} data-list-keys>
        <ul style={{ height: rows.getTotalSize() }}>
          {shown.map(({ index, start }) => {
            const item = items[index]
            if (!item) return null
            return (
              <li key={item.id} style={{ transform: `translateY(${start}px)` }}>
                <Link href={href(item)} className={index === chosen ? 'row chosen' : 'row'}>
                  <Cells item={item} columns={columns} />
                </Link>
              </li>
            )
          })}
        </ul>
        <Foot list={list} count={items.length} />
      </div>
    </div>
  )
}

/** On a narrow screen the first column takes what the others leave. */
function narrowTemplate<Item>(columns: Column<Item>[]): string {
  const [, ...others] = columns.filter((column) => !column.isMinor)
  return [
    'minmax(0, 1fr)',
    ...others.map(({ width }) => (width.endsWith('px') ? `min(${width}, 108px)` : '80px')),
  ].join(' ')
}

/** j, k and Enter work with any focus, except in text fields and dialogs. */
function useListKeys(onKeyDown: (event: KeyboardEvent) => void) {
  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent) => {
      const { target } = event
      const isTyping =
        target instanceof HTMLElement && target.closest('input, textarea, select, button, a, [role=dialog]')
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return
      const list = document.querySelector<HTMLElement>('[data-list-keys]')
      if (event.key === 'j' || event.key === 'k') list?.focus()
      onKeyDown(event as unknown as KeyboardEvent)
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  })
}

function Header<Item>({ columns }: { columns: Column<Item>[] }) {
  return (
    <div className="list-head" aria-hidden>
      {columns.map(({ title, isMinor, isRight }) => (
        <span key={title} className={classes({ minor: isMinor, end: isRight })}>
          {title}
        </span>
      ))}
    </div>
  )
}

function Cells<Item>({ item, columns }: { item: Item; columns: Column<Item>[] }) {
  return columns.map(({ title, cell, isMinor, isRight }) => (
    <span key={title} className={classes({ cell: true, minor: isMinor, end: isRight })} data-column={title}>
      {cell(item)}
    </span>
  ))
}

function classes(names: Record<string, boolean | undefined>): string {
  return Object.keys(names)
    .filter((name) => names[name])
    .join(' ')
}

function Foot<Item>({ list, count }: { list: EndlessList<Item>; count: number }) {
  if (list.isFetchNextPageError) return <Failed error={list.error} retry={() => list.fetchNextPage()} />
  return (
    <Text size="xs" c="dimmed" p="xs" ta="center" role="status">
      {list.hasNextPage ? `${count} shown, more are loading…` : `${count} shown, no more`}
    </Text>
  )
}

/** The first column: what a person calls it, and the id beneath. */
export function Named({
  name,
  id,
  fallback,
}: {
  name: string | null | undefined
  id: string
  fallback: string
}) {
  return (
    <span className="named">
      <span className={name ? 'named-name' : 'named-name dim'}>{name || fallback}</span>
      <span className="named-id">{id}</span>
    </span>
  )
}
