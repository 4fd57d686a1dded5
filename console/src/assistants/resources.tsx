/** The files and stores of an assistant: chosen, or dropped here and brought in. */
import { ActionIcon, FileButton, MultiSelect, Button, Stack, Text } from '@mantine/core'
import { IconUpload, IconX } from '@tabler/icons-react'
import { openai } from '../api/client.ts'
import { keys, queryClient, useEndlessList, useStore } from '../api/queries.ts'
import type { VectorStore } from '../api/types.ts'
import { DropArea, FileChip } from '../parts/files.tsx'
import { attempt, say } from '../parts/notices.tsx'
import { plural } from '../parts/text.ts'
import type { FieldsProps } from './fields.tsx'

export async function uploadAll(files: readonly File[], purpose: 'assistants' | 'vision'): Promise<string[]> {
  const ids: string[] = []
  for (const file of files) ids.push((await openai().files.create({ file, purpose })).id)
  await queryClient.invalidateQueries({ queryKey: keys.files })
  return ids
}

export function CodeFiles({ draft, onChange }: FieldsProps) {
  const { code_files } = draft
  const add = async (files: File[]) => {
    const ids = await attempt(() => uploadAll(files, 'assistants'))
    if (ids) onChange({ ...draft, code_files: [...code_files, ...ids] })
  }
  return (
    <DropArea onFiles={(files) => void add(files)} label="For Python">
      <Stack gap={4} className="resource">
        <div className="chips">
          {code_files.map((id) => (
            <FileChip key={id} id={id}>
              <ActionIcon
                size="xs"
                aria-label="Remove the file"
                onClick={() => onChange({ ...draft, code_files: code_files.filter((one) => one !== id) })}
              >
                <IconX size={12} />
              </ActionIcon>
            </FileChip>
          ))}
        </div>
        <Upload label="Add files for Python" onFiles={(files) => void add(files)} />
      </Stack>
    </DropArea>
  )
}

function Upload({ label, onFiles }: { label: string; onFiles: (files: File[]) => void }) {
  return (
    <FileButton multiple onChange={onFiles}>
      {(props) => (
        <Button
          {...props}
          variant="default"
          size="compact-xs"
          w="fit-content"
          leftSection={<IconUpload size={12} />}
        >
          {label}
        </Button>
      )}
    </FileButton>
  )
}

export function SearchStores({ draft, onChange }: FieldsProps) {
  const { search_stores } = draft
  const list = useEndlessList<VectorStore>('/vector_stores', { limit: '100' }, { key: keys.stores })
  const stores = list.data?.pages.flatMap((page) => page.data) ?? []
  const choices = stores.map((store) => ({ value: store.id, label: store.name || store.id }))
  const unlisted = search_stores
    .filter((id) => !stores.some((store) => store.id === id))
    .map((id) => ({ value: id, label: id }))
  const add = async (files: File[]) => {
    const id = await attempt(() => intoStore(files, search_stores[0], draft.name))
    if (id && !search_stores.includes(id)) onChange({ ...draft, search_stores: [...search_stores, id] })
  }
  return (
    <DropArea onFiles={(files) => void add(files)} label="For search">
      <Stack gap={4} className="resource">
        <MultiSelect
          label="Vector stores"
          data={[...choices, ...unlisted]}
          value={search_stores}
          maxValues={1}
          searchable
          placeholder={search_stores.length === 0 ? 'Choose one, or drop files here' : ''}
          onChange={(ids) => onChange({ ...draft, search_stores: ids })}
        />
        {search_stores.map((id) => (
          <StoreLine key={id} id={id} />
        ))}
        <Upload label="Add files to search" onFiles={(files) => void add(files)} />
      </Stack>
    </DropArea>
  )
}

/** Puts files into the store, or into a new one; answers its id. */
async function intoStore(files: File[], known: string | undefined, name: string): Promise<string> {
  const file_ids = await uploadAll(files, 'assistants')
  const id =
    known ??
    (await openai().vectorStores.create({ name: name === '' ? 'Files of an assistant' : `Files of ${name}` }))
      .id
  await openai().vectorStores.fileBatches.create(id, { file_ids })
  await queryClient.invalidateQueries({ queryKey: keys.stores })
  say(`${plural(files.length, 'file')} on the way into the vector store.`)
  return id
}

/** How far a store is with its files. */
export function StoreLine({ id }: { id: string }) {
  const { data } = useStore(id, 2000)
  if (!data) return null
  const { in_progress, completed, failed } = data.file_counts
  return (
    <Text size="xs" c="dimmed" component="div">
      {plural(completed, 'file')} ready
      {in_progress > 0 && `, ${in_progress} being read`}
      {failed > 0 && <span className="status bad"> {failed} failed</span>}
    </Text>
  )
}
