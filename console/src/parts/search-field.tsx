/** The search of a list; its text is in the address. */
import { TextInput } from '@mantine/core'
import { useDebouncedCallback, useHotkeys } from '@mantine/hooks'
import { IconSearch } from '@tabler/icons-react'
import { useRef, useState } from 'react'
import { useSearchParams } from 'wouter'

export function useSearchText(): string | undefined {
  const [search] = useSearchParams()
  return search.get('query') ?? undefined
}

export function SearchField({ label }: { label: string }) {
  const [search, setSearch] = useSearchParams()
  const [text, setText] = useState(search.get('query') ?? '')
  const field = useRef<HTMLInputElement>(null)
  useHotkeys([['/', () => field.current?.focus()]])
  const change = useDebouncedCallback((query: string) => {
    setSearch(
      (before) => {
        const next = new URLSearchParams(before)
        if (query === '') next.delete('query')
        else next.set('query', query)
        return next
      },
      { replace: true },
    )
  }, 250)
  return (
    <TextInput
      ref={field}
      type="search"
      aria-label={label}
      placeholder={label}
      leftSection={<IconSearch size={14} />}
      value={text}
      flex={1}
      maw={420}
      onChange={(event) => {
        setText(event.currentTarget.value)
        change(event.currentTarget.value.trim())
      }}
    />
  )
}
