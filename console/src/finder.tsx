/** Ctrl K: an id of any kind, the name of a page, or words to look for in threads. */
import { Kbd, Modal, Text, TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useState, type KeyboardEvent } from 'react'
import { useLocation } from 'wouter'
import { call, failureOf, queryText } from './api/client.ts'
import type { ObjectLocation } from './api/types.ts'
import { addressOf } from './parts/addresses.ts'
import { places } from './places.ts'

interface Choice {
  label: string
  go: () => void
}

/** What ids look like: a prefix of the kind, then letters and digits. */
const idLike = /^(asst|thread|run|msg|step|file|vs|vsfb|upload)[-_]\w+/

export function Finder({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      withCloseButton={false}
      yOffset={80}
      centered={false}
      size={560}
      padding={0}
      title="Find"
      classNames={{ header: 'unseen' }}
    >
      <FinderBody onClose={onClose} />
    </Modal>
  )
}

function FinderBody({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState('')
  const [chosen, setChosen] = useState(0)
  const [fault, setFault] = useState('')
  const [, navigate] = useLocation()
  const leave = (href: string) => {
    onClose()
    navigate(href)
  }
  const open = async (id: string) => {
    try {
      leave(
        addressOf(await call<ObjectLocation>({ method: 'GET', path: `/objects/${encodeURIComponent(id)}` })),
      )
    } catch (error) {
      setFault(failureOf(error).message)
    }
  }
  const choices = choicesFor(text.trim(), leave, (id) => void open(id))
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setChosen((chosen + 1) % choices.length)
    else if (event.key === 'ArrowUp') setChosen((chosen + choices.length - 1) % choices.length)
    else if (event.key === 'Enter') choices[chosen]?.go()
    else return
    event.preventDefault()
  }
  return (
    <div className="finder">
      <TextInput
        data-autofocus
        size="md"
        leftSection={<IconSearch size={16} />}
        placeholder="An id, a page, or words in a thread"
        aria-label="Find an id, a page, or words in a thread"
        value={text}
        onKeyDown={onKeyDown}
        onChange={(event) => {
          setText(event.currentTarget.value)
          setChosen(0)
          setFault('')
        }}
      />
      {fault !== '' && (
        <Text size="sm" c="var(--bad)" p="xs" role="alert">
          {fault}
        </Text>
      )}
      <Choices choices={choices} chosen={chosen} onHover={setChosen} />
    </div>
  )
}

interface ChoicesProps {
  choices: Choice[]
  chosen: number
  onHover: (index: number) => void
}

function Choices({ choices, chosen, onHover }: ChoicesProps) {
  return (
    <div className="finder-choices">
      {choices.map(({ label, go }, index) => (
        <button
          type="button"
          key={label}
          className={index === chosen ? 'chosen' : ''}
          onClick={go}
          onMouseEnter={() => onHover(index)}
        >
          <span>{label}</span>
          {index === chosen && <Kbd size="xs">Enter</Kbd>}
        </button>
      ))}
    </div>
  )
}

function choicesFor(text: string, leave: (href: string) => void, open: (id: string) => void): Choice[] {
  const pages = places
    .filter(({ label }) => label.toLowerCase().includes(text.toLowerCase()))
    .map(({ href, label }) => ({ label: `Go to ${label}`, go: () => leave(href) }))
  if (text === '') return pages
  const search = { label: `Threads with “${text}”`, go: () => leave(`/threads${queryText({ query: text })}`) }
  if (idLike.test(text)) return [{ label: `Open ${text}`, go: () => open(text) }, search]
  return [...pages, search]
}
