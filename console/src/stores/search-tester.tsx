/** Tries the search of a vector store: what is found, and why. */
import { ActionIcon, Button, Group, NumberInput, Select, Stack, Switch, Text, TextInput } from '@mantine/core'
import { IconPlus, IconSearch, IconX } from '@tabler/icons-react'
import { useMutation } from '@tanstack/react-query'
import { useState, type FormEvent } from 'react'
import { Link } from 'wouter'
import { queryText, rawCall } from '../api/client.ts'
import { keys, useEndlessList } from '../api/queries.ts'
import type { ListedVectorStoreFile, VectorStoreSearchPage } from '../api/types.ts'
import { CodeButton } from '../parts/code.tsx'
import { Marked } from '../parts/marked.tsx'
import { Empty, Failed, Loading } from '../parts/states.tsx'
import { plural } from '../parts/text.ts'
import { placeOf } from '../runs/passages.tsx'
import { bodyOfSearch, newSearch, operators, type Filter, type SearchDraft } from './search.ts'
import { ScoreBars } from './score-bars.tsx'

export function SearchTester({ store_id }: { store_id: string }) {
  const [draft, setDraft] = useState<SearchDraft>(newSearch)
  const body = bodyOfSearch(draft)
  const search = useMutation({
    mutationFn: async () => {
      const path = `/vector_stores/${store_id}/search${queryText({ include: ['scores'] })}`
      const response = await rawCall({ method: 'POST', path, body })
      const leftOut = Number(response.headers.get('spool-chunks-left-out') ?? 0)
      return { page: (await response.json()) as VectorStoreSearchPage, leftOut }
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (draft.query.trim() !== '') search.mutate()
  }
  return (
    <div className="tab-body search-tester">
      <form onSubmit={submit} role="search">
        <Group gap={8} align="flex-end">
          <TextInput
            label="Query"
            flex={1}
            miw={220}
            value={draft.query}
            onChange={(event) => setDraft({ ...draft, query: event.currentTarget.value })}
          />
          <Button
            type="submit"
            leftSection={<IconSearch size={14} />}
            loading={search.isPending}
            disabled={draft.query.trim() === ''}
          >
            Search
          </Button>
          <CodeButton
            request={{
              method: 'POST',
              path: `/vector_stores/${store_id}/search`,
              body,
              sdk: { name: 'vector_stores.search', ids: [store_id], params: body },
            }}
          />
        </Group>
        <SearchSettings store_id={store_id} draft={draft} onChange={setDraft} />
      </form>
      {search.isPending && <Loading rows={4} />}
      {search.isError && <Failed error={search.error} retry={() => search.mutate()} />}
      {search.data && search.data.leftOut > 0 && (
        <Text size="sm">
          {plural(search.data.leftOut, 'chunk')} left out: the index of this vector store is being made.
        </Text>
      )}
      {search.data && <Results page={search.data.page} store_id={store_id} asked={draft.query} />}
    </div>
  )
}

function SearchSettings({
  store_id,
  draft,
  onChange,
}: {
  store_id: string
  draft: SearchDraft
  onChange: (draft: SearchDraft) => void
}) {
  const set = (change: Partial<SearchDraft>) => onChange({ ...draft, ...change })
  return (
    <Stack gap={8} mt={8}>
      <Group gap={12} align="flex-end">
        <NumberInput
          label="Results"
          w={90}
          min={1}
          max={50}
          value={draft.max_num_results}
          onChange={(value) => set({ max_num_results: Number(value) || 10 })}
        />
        <NumberInput
          label="Score threshold"
          w={120}
          min={0}
          max={1}
          step={0.05}
          value={draft.score_threshold}
          onChange={(value) => set({ score_threshold: Number(value) || 0 })}
        />
        <Select
          label="Ranker"
          w={110}
          data={['auto', 'none']}
          allowDeselect={false}
          value={draft.ranker}
          onChange={(value) => set({ ranker: value === 'none' ? 'none' : 'auto' })}
        />
        <Switch
          label="Rewrite the query"
          pb={6}
          checked={draft.rewrite_query}
          onChange={(event) => set({ rewrite_query: event.currentTarget.checked })}
        />
      </Group>
      <Filters store_id={store_id} filters={draft.filters} onChange={(filters) => set({ filters })} />
    </Stack>
  )
}

/** Filters by the attributes that the files of the store have. */
function Filters({
  store_id,
  filters,
  onChange,
}: {
  store_id: string
  filters: Filter[]
  onChange: (filters: Filter[]) => void
}) {
  const list = useEndlessList<ListedVectorStoreFile>(
    `/vector_stores/${store_id}/files`,
    { limit: '100' },
    { key: keys.storeFiles(store_id) },
  )
  const names = [
    ...new Set(
      list.data?.pages.flatMap((page) => page.data.flatMap((file) => Object.keys(file.attributes ?? {}))) ??
        [],
    ),
  ]
  const put = (index: number, change: Partial<Filter>) => {
    const before = filters[index]
    if (before) onChange(filters.with(index, { ...before, ...change }))
  }
  return (
    <>
      {filters.map((filter, index) => (
        <FilterRow
          key={index}
          number={index + 1}
          names={names}
          filter={filter}
          onChange={(change) => put(index, change)}
          onRemove={() => onChange(filters.toSpliced(index, 1))}
        />
      ))}
      <Button
        variant="subtle"
        size="compact-xs"
        w="fit-content"
        leftSection={<IconPlus size={12} />}
        disabled={names.length === 0}
        onClick={() => onChange([...filters, { key: names[0] ?? '', type: 'eq', value: '' }])}
      >
        {names.length === 0 ? 'No attributes to filter by' : 'Add a filter'}
      </Button>
    </>
  )
}

interface FilterRowProps {
  number: number
  names: string[]
  filter: Filter
  onChange: (change: Partial<Filter>) => void
  onRemove: () => void
}

function FilterRow({ number: count, names, filter, onChange, onRemove }: FilterRowProps) {
  return (
    <Group gap={4} wrap="nowrap">
      <Select
        aria-label={`Attribute of filter ${count}`}
        data={names}
        value={filter.key}
        allowDeselect={false}
        onChange={(key) => onChange({ key: key ?? '' })}
      />
      <Select
        aria-label={`Comparison of filter ${count}`}
        w={80}
        data={operators}
        value={filter.type}
        allowDeselect={false}
        onChange={(type) => onChange({ type: type ?? 'eq' })}
      />
      <TextInput
        aria-label={`Value of filter ${count}`}
        value={filter.value}
        onChange={(event) => onChange({ value: event.currentTarget.value })}
      />
      <ActionIcon aria-label={`Remove filter ${count}`} onClick={onRemove}>
        <IconX size={14} />
      </ActionIcon>
    </Group>
  )
}

function Results({
  page,
  store_id,
  asked,
}: {
  page: VectorStoreSearchPage
  store_id: string
  asked: string
}) {
  const used = page.search_query.join(', ')
  const words = page.search_query
    .flatMap((query) => query.split(/[^\p{L}\p{N}]+/u))
    .filter((word) => word.length > 2)
  return (
    <>
      {used !== asked.trim() && (
        <Text size="sm">
          Searched for <q>{used}</q>
        </Text>
      )}
      {page.data.length === 0 && (
        <Empty title="Nothing found">No passage reaches the threshold and passes the filters.</Empty>
      )}
      <ol className="results">
        {page.data.map((result, index) => {
          const text = result.content.map((part) => part.text).join('\n')
          const find = text.trim().split('\n')[0]?.slice(0, 60) ?? ''
          return (
            <li key={index}>
              <div className="result-head">
                <Link
                  href={`/vector-stores/${store_id}/files/${result.file_id}${queryText({ find })}`}
                  className="clip"
                >
                  {result.filename}
                </Link>
                <span className="dim">{placeOf(result)}</span>
              </div>
              <ScoreBars score={result.score} {...(result.scores ?? { meaning: null, words: null })} />
              <blockquote className="passage">
                <Marked text={text} words={words} />
              </blockquote>
            </li>
          )
        })}
      </ol>
    </>
  )
}
