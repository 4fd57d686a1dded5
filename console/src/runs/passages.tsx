/** The passages that a run's searches found, with the parts of their scores. */
import { Text } from '@mantine/core'
import { Link } from 'wouter'
import type { Message, RunTrace, Passage, ToolCallWork } from '../api/types.ts'
import { Empty } from '../parts/states.tsx'
import { ScoreBars } from '../stores/score-bars.tsx'

export function searchesOf(trace: RunTrace): ToolCallWork[] {
  return trace.work.filter((one): one is ToolCallWork => one.kind === 'tool_call' && one.search !== null)
}

export function Passages({ trace, cited }: { trace: RunTrace; cited: ReadonlySet<string> }) {
  const searches = searchesOf(trace)
  if (searches.length === 0)
    return <Empty title="No search">The run did not search, or its trace is no longer kept.</Empty>
  return searches.map((search) => (
    <section key={search.id} className="search-of-run" aria-label="Search">
      <Text size="sm">
        Looked for{' '}
        {(search.search?.queries ?? []).map((query, index) => (
          <q key={index}>{query}</q>
        ))}
      </Text>
      {(search.search?.passages ?? []).length === 0 && (
        <Text size="sm" c="dimmed">
          Nothing was found.
        </Text>
      )}
      <ol className="results">
        {(search.search?.passages ?? []).map((passage, index) => (
          <li key={index}>
            <PassageCard passage={passage} isCited={cited.has(passage.mark)} />
          </li>
        ))}
      </ol>
    </section>
  ))
}

function PassageCard({ passage, isCited }: { passage: Passage; isCited: boolean }) {
  const { file_id, filename, score, scores, text, vector_store_id } = passage
  return (
    <>
      <div className="result-head">
        <Link href={`/vector-stores/${vector_store_id}/files/${file_id}`} className="clip">
          {filename}
        </Link>
        <span className="dim">{placeOf(passage)}</span>
        <span className="spring" />
        {isCited && <span className="status good">cited</span>}
      </div>
      <ScoreBars score={score} {...scores} />
      <blockquote className="passage">{text}</blockquote>
    </>
  )
}

export function placeOf({
  page,
  slide,
  heading,
}: {
  page?: number
  slide?: number
  heading?: string
}): string {
  return [
    page === undefined ? '' : `page ${page}`,
    slide === undefined ? '' : `slide ${slide}`,
    heading ?? '',
  ]
    .filter((one) => one !== '')
    .join(', ')
}

/** The citation marks in messages. */
export function marksIn(messages: readonly Message[]): Set<string> {
  const annotations = messages.flatMap(({ content }) =>
    content.flatMap((part) => (part.type === 'text' ? part.text.annotations : [])),
  )
  return new Set(annotations.map((one) => one.text))
}
