/** Where a message is written and sent, with its files and the options of its run. */
import {
  ActionIcon,
  Button,
  FileButton,
  Group,
  Kbd,
  SegmentedControl,
  Textarea,
  Tooltip,
} from '@mantine/core'
import {
  IconAdjustments,
  IconFile,
  IconPaperclip,
  IconPlayerStop,
  IconSend,
  IconX,
} from '@tabler/icons-react'
import { useEffect, useState, type KeyboardEvent } from 'react'
import type { RequestCode } from '../api/code.ts'
import { openai } from '../api/client.ts'
import type { Run } from '../api/types.ts'
import { DropArea } from '../parts/files.tsx'
import { attempt } from '../parts/notices.tsx'
import { bytes } from '../parts/text.ts'
import { knownAssistant, type Place } from './place.ts'
import { countOptions, noOptions } from './options.ts'
import { RunOptionsDrawer } from './run-options.tsx'
import { beginRun, usualUse, type Attached, type Written } from './send.ts'

interface ComposerProps {
  place: Place
  setPlace: (place: Place) => void
  /** The run that is going on. */
  active: Run | undefined
  /** The assistant has changes that are not saved. */
  isDirty: boolean
  onBegin: (thread_id: string, run_id: string) => void
  onAction: (action: RequestCode) => void
}

export function Composer(props: ComposerProps) {
  const { place, active, isDirty } = props
  const [text, setText] = useState('')
  const [files, setFiles] = useState<Attached[]>([])
  const [options, setOptions] = useState(noOptions)
  const [isOpen, setOpen] = useState(false)
  const { isSending, begin } = useBegin(props)
  const assistant = knownAssistant(place)
  const isEmpty = text.trim() === '' && files.length === 0
  const canSend = assistant !== undefined && active === undefined && !isSending && !isEmpty
  const send = async () => {
    if (!canSend || !(await begin(assistant, { text, files, options }))) return
    setText('')
    setFiles([])
  }
  const cancel = useCancel(active)
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
    event.preventDefault()
    void send()
  }
  const attach = (added: File[]) =>
    setFiles([...files, ...added.map((file) => ({ file, use: usualUse(file) }))])
  return (
    <DropArea onFiles={attach} label="Attach to the message">
      <div className="composer">
        <AttachedFiles files={files} onChange={setFiles} />
        <Textarea
          aria-label="Message"
          placeholder={assistant === undefined ? 'Create or choose an assistant first' : 'Write a message'}
          autosize
          minRows={2}
          maxRows={12}
          size="sm"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        <Buttons
          isRunning={active !== undefined && active.status !== 'cancelling'}
          canSend={canSend}
          isSending={isSending}
          isDirty={isDirty}
          options={countOptions(options)}
          onAttach={attach}
          onOptions={() => setOpen(true)}
          onSend={() => void send()}
          onCancel={() => void cancel()}
        />
      </div>
      <RunOptionsDrawer
        options={options}
        onChange={setOptions}
        assistant_id={assistant}
        isOpen={isOpen}
        onClose={() => setOpen(false)}
      />
    </DropArea>
  )
}

/** Sends what was written; `begin` answers whether that went well. */
function useBegin({ place, setPlace, onBegin, onAction }: ComposerProps) {
  const [isSending, setSending] = useState(false)
  const begin = async (assistant: string, written: Written): Promise<boolean> => {
    setSending(true)
    const sent = await attempt(() => beginRun({ ...place, assistant }, written))
    setSending(false)
    if (!sent) return false
    const { thread_id, id } = sent.run
    onAction(sent.action)
    onBegin(thread_id, id)
    if (thread_id !== place.thread) setPlace({ ...place, thread: thread_id })
    return true
  }
  return { isSending, begin }
}

interface ButtonsProps {
  isRunning: boolean
  canSend: boolean
  isSending: boolean
  isDirty: boolean
  /** How many options are set. */
  options: number
  onAttach: (files: File[]) => void
  onOptions: () => void
  onSend: () => void
  onCancel: () => void
}

function Buttons(props: ButtonsProps) {
  const { isRunning, canSend, isSending, isDirty, options, onAttach, onOptions, onSend, onCancel } = props
  return (
    <Group gap={4}>
      <FileButton multiple onChange={onAttach}>
        {(button) => (
          <Tooltip label="Attach files">
            <ActionIcon {...button} aria-label="Attach files">
              <IconPaperclip size={18} />
            </ActionIcon>
          </Tooltip>
        )}
      </FileButton>
      <Button variant="subtle" color="gray" leftSection={<IconAdjustments size={16} />} onClick={onOptions}>
        Options{options > 0 ? ` (${options})` : ''}
      </Button>
      {isDirty && <span className="status warn">The assistant’s changes are not saved and not used.</span>}
      <span className="spring" />
      {isRunning ? (
        <Button variant="default" leftSection={<IconPlayerStop size={14} />} onClick={onCancel}>
          Cancel
          <Kbd size="xs" ml={6}>
            Esc
          </Kbd>
        </Button>
      ) : (
        <Button disabled={!canSend} loading={isSending} leftSection={<IconSend size={14} />} onClick={onSend}>
          Send
          <Kbd size="xs" ml={6} className="only-wide">
            Ctrl Enter
          </Kbd>
        </Button>
      )}
    </Group>
  )
}

/** Escape cancels the run with any focus, unless it closes a dialog. */
function useCancel(active: Run | undefined): () => Promise<unknown> {
  const cancel = async () =>
    active && attempt(() => openai().beta.threads.runs.cancel(active.id, { thread_id: active.thread_id }))
  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent) => {
      if (event.key !== 'Escape' || !active || document.querySelector('[role=dialog]')) return
      void cancel()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  })
  return cancel
}

const uses = {
  image: [{ value: 'vision', label: 'See' }],
  other: [
    { value: 'file_search', label: 'Search' },
    { value: 'code_interpreter', label: 'Python' },
  ],
}

function AttachedFiles({ files, onChange }: { files: Attached[]; onChange: (files: Attached[]) => void }) {
  if (files.length === 0) return null
  return (
    <div className="chips">
      {files.map(({ file, use }, index) => (
        <span className="chip" key={`${index} ${file.name}`}>
          <IconFile size={14} aria-hidden />
          <span className="chip-name">{file.name}</span>
          <span className="dim num">{bytes(file.size)}</span>
          <SegmentedControl
            size="xs"
            aria-label={`What ${file.name} is for`}
            data={file.type.startsWith('image/') ? [...uses.image, ...uses.other] : uses.other}
            value={use}
            onChange={(next) => onChange(files.with(index, { file, use: next as Attached['use'] }))}
          />
          <ActionIcon
            size="xs"
            aria-label={`Take ${file.name} away`}
            onClick={() => onChange(files.toSpliced(index, 1))}
          >
            <IconX size={12} />
          </ActionIcon>
        </span>
      ))}
    </div>
  )
}
