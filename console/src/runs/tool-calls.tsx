/** Tool calls as cards; they grow while the model writes them. */
import { Collapse, UnstyledButton } from '@mantine/core'
import { IconChevronRight, IconFunction, IconListSearch, IconTerminal2 } from '@tabler/icons-react'
import { useState, type ReactNode } from 'react'
import { Link } from 'wouter'
import type { RunStep, ToolCall } from '../api/types.ts'
import { Code } from '../parts/code.tsx'
import { FilePicture } from '../parts/files.tsx'
import { formattedJson, plural } from '../parts/text.ts'

interface ToolCallsProps {
  step: RunStep
  /** Only the calls that have an output. */
  isAnswered?: boolean
}

export function ToolCalls({ step, isAnswered = false }: ToolCallsProps) {
  if (step.step_details.type !== 'tool_calls') return null
  const isOpen = step.status === 'in_progress'
  return step.step_details.tool_calls
    .filter((call) => call && (!isAnswered || !isWaiting(call)))
    .map((call, index) => <ToolCard key={call.id ?? index} call={call} isWritten={!isOpen} />)
}

function isWaiting(call: ToolCall): boolean {
  return call.type === 'function' && (call.function.output ?? null) === null
}

function ToolCard({ call, isWritten }: { call: ToolCall; isWritten: boolean }) {
  switch (call.type) {
    case 'function': {
      const { name, arguments: written, output } = call.function
      return (
        <Card
          icon={<IconFunction size={16} />}
          title={name}
          hint={
            output === null || output === undefined
              ? isWritten
                ? 'waits for its output'
                : 'being called'
              : 'answered'
          }
        >
          <Code text={formattedJson(written ?? '')} language="json" label={`Arguments of ${name}`} wraps />
          {output !== null && output !== undefined && (
            <>
              <span className="card-label">Output</span>
              <Code text={formattedJson(output)} language="json" label={`Output of ${name}`} wraps />
            </>
          )}
        </Card>
      )
    }
    case 'code_interpreter':
      return <CodeCard call={call} isWritten={isWritten} />
    case 'file_search':
      return <SearchCard call={call} isWritten={isWritten} />
  }
}

function CodeCard({
  call,
  isWritten,
}: {
  call: Extract<ToolCall, { type: 'code_interpreter' }>
  isWritten: boolean
}) {
  // While the call streams in, it may have neither yet.
  const known = call.code_interpreter as Partial<typeof call.code_interpreter> | undefined
  const { input = '', outputs = [] } = known ?? {}
  return (
    <Card
      icon={<IconTerminal2 size={16} />}
      title="Python"
      hint={isWritten ? plural(outputs.length, 'output') : 'at work'}
    >
      <Code text={input} language="python" label="Code that was run" />
      {outputs.map((output, index) =>
        output.type === 'logs' ? (
          <div key={index}>
            <span className="card-label">Output</span>
            <Code text={output.logs} label="Output of the code" />
          </div>
        ) : (
          <FilePicture key={index} id={output.image.file_id} />
        ),
      )}
    </Card>
  )
}

function SearchCard({
  call,
  isWritten,
}: {
  call: Extract<ToolCall, { type: 'file_search' }>
  isWritten: boolean
}) {
  const results = call.file_search?.results ?? []
  return (
    <Card
      icon={<IconListSearch size={16} />}
      title="File search"
      hint={isWritten ? plural(results.length, 'passage') : 'searching'}
      isClosed
    >
      <ol className="passages-short">
        {results.map((result, index) => (
          <li key={index}>
            <span className="num">{result.score.toFixed(3)}</span>
            <Link href={`/files/${result.file_id}`}>{result.file_name}</Link>
            <span className="clip dim">{result.content?.[0]?.text ?? ''}</span>
          </li>
        ))}
      </ol>
    </Card>
  )
}

interface CardProps {
  icon: ReactNode
  title: string
  hint: string
  children: ReactNode
  isClosed?: boolean
}

export function Card({ icon, title, hint, children, isClosed = false }: CardProps) {
  const [isOpen, setOpen] = useState(!isClosed)
  return (
    <section className="card" aria-label={`Call of ${title}`}>
      <UnstyledButton className="card-head" onClick={() => setOpen(!isOpen)} aria-expanded={isOpen}>
        {icon}
        <b className="clip">{title}</b>
        <span className="dim">{hint}</span>
        <span className="spring" />
        <IconChevronRight size={14} className={isOpen ? 'turned' : ''} aria-hidden />
      </UnstyledButton>
      <Collapse expanded={isOpen} transitionDuration={100}>
        <div className="card-body">{children}</div>
      </Collapse>
    </section>
  )
}
