/** The text that was read in a file, with its pages and headings: the first thing to look at when search disappoints. */
import { TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useDeferredValue, useEffect, useMemo, useRef, useState } from 'react'
import type { FileText as ReadText } from '../api/types.ts'
import { Marked } from '../parts/marked.tsx'
import { Empty } from '../parts/states.tsx'
import { number, plural } from '../parts/text.ts'

interface FileTextProps {
  text: ReadText
  /** Words to go to at once. */
  find?: string
}

export function FileText({ text, find = '' }: FileTextProps) {
  const [words, setWords] = useState(find)
  const [turn, setTurn] = useState(0)
  const wanted = useDeferredValue(words.trim().toLowerCase())
  const parts = useMemo(() => partsOf(text), [text])
  const matches = useMemo(() => matchesIn(parts, wanted), [parts, wanted])
  const length = useMemo(() => text.sections.reduce((sum, section) => sum + section.text.length, 0), [text])
  if (length === 0) {
    return <Empty title="No text">{text.problem ?? 'Nothing in this file can be read as text.'}</Empty>
  }
  return (
    <section className="file-text" aria-label="Text of the file">
      <form
        className="filters"
        role="search"
        onSubmit={(event) => {
          event.preventDefault()
          setTurn(turn + 1)
        }}
      >
        <TextInput
          leftSection={<IconSearch size={14} />}
          aria-label="Find in the text"
          placeholder="Find in the text"
          value={words}
          onChange={(event) => {
            setWords(event.currentTarget.value)
            setTurn(0)
          }}
        />
        <span className="dim num" role="status">
          {wanted === ''
            ? `${number(length)} characters`
            : `${plural(matches.length, 'paragraph')}${matches.length > 1 ? ', Enter goes to the next' : ''}`}
          {text.is_cut && ', only the beginning is shown'}
        </span>
      </form>
      <Paragraphs parts={parts} words={wanted} shown={matches[turn % Math.max(1, matches.length)]} />
    </section>
  )
}

/** Numbers of the paragraphs that hold the words. */
function matchesIn(parts: readonly Part[], words: string): number[] {
  if (words === '') return []
  return parts.flatMap(({ text }, index) => (text.toLowerCase().includes(words) ? [index] : []))
}

interface Part {
  place: string
  text: string
}

/** Paragraphs, each with its place where that is another than the one before. */
function partsOf({ sections }: ReadText): Part[] {
  let before = ''
  return sections.flatMap(({ text, page, slide, heading }) => {
    const place = [
      page === undefined ? '' : `Page ${page}`,
      slide === undefined ? '' : `Slide ${slide}`,
      heading ?? '',
    ]
      .filter((one) => one !== '')
      .join(' · ')
    const shown = place === before ? '' : place
    before = place
    return text
      .split(/\n{2,}/)
      .filter((one) => one.trim() !== '')
      .map((one, index) => ({ place: index === 0 ? shown : '', text: one }))
  })
}

interface ParagraphsProps {
  parts: Part[]
  words: string
  /** The paragraph to scroll to. */
  shown: number | undefined
}

function Paragraphs({ parts, words, shown }: ParagraphsProps) {
  const scroller = useRef<HTMLDivElement>(null)
  const rows = useVirtualizer({
    count: parts.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 80,
    overscan: 8,
  })
  useEffect(() => {
    if (shown !== undefined) rows.scrollToIndex(shown, { align: 'start' })
  }, [rows, shown])
  return (
    <div className="paragraphs" ref={scroller} tabIndex={0} role="region" aria-label="Text">
      <div style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ index, start, key }) => {
          const part = parts[index]
          if (!part) return null
          return (
            <div
              key={key}
              data-index={index}
              ref={rows.measureElement}
              style={{ transform: `translateY(${start}px)` }}
            >
              {part.place !== '' && <h2>{part.place}</h2>}
              <p>
                <Marked text={part.text} words={words === '' ? [] : [words]} />
              </p>
            </div>
          )
        })}
      </div>
    </div>
  )
}
