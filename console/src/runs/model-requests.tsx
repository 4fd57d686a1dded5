/** What the model got, word for word, and what became of it. */
import { Collapse, Text, UnstyledButton } from '@mantine/core'
import { IconChevronRight } from '@tabler/icons-react'
import { useState } from 'react'
import type { ModelRequestWork, RunTrace } from '../api/types.ts'
import { Code } from '../parts/code.tsx'
import { Empty } from '../parts/states.tsx'
import { duration, number, plural, prettyJson } from '../parts/text.ts'
import { noteWords } from './bars.ts'
import { requestsOf } from './run-summary.tsx'

export function ModelRequests({ trace, opened }: { trace: RunTrace; opened?: string | undefined }) {
  const requests = requestsOf(trace)
  if (!trace.is_kept) {
    return (
      <Empty title="Requests are not kept">
        The setting trace_days is 0 on this server. Give it a number of days to see here what models are sent.
      </Empty>
    )
  }
  if (requests.length === 0) {
    return (
      <Empty title="No request to a model">
        No request has been sent yet, or its requests are no longer kept.
      </Empty>
    )
  }
  return requests.map((request, index) => (
    <Request
      key={request.id}
      request={request}
      number={index + 1}
      isOpen={opened === undefined ? index === requests.length - 1 : opened === request.id}
    />
  ))
}

function Request({
  request,
  number: count,
  isOpen: begins,
}: {
  request: ModelRequestWork
  number: number
  isOpen: boolean
}) {
  const [isOpen, setOpen] = useState(begins)
  const {
    messages = [],
    tools = [],
    ...parameters
  } = request.request as { messages?: Sent[]; tools?: unknown[] }
  const took = request.ended_ms === null ? 'going on' : duration(request.ended_ms - request.started_ms)
  return (
    <section className="card" aria-label={`Request ${count}`} id={request.id}>
      <UnstyledButton className="card-head" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <b>Request {count}</b>
        <span className="mono clip dim">
          {request.provider}/{request.model}
        </span>
        <span className="spring" />
        <Outcome request={request} />
        <span className="num dim">{took}</span>
        <IconChevronRight size={14} className={isOpen ? 'turned' : ''} aria-hidden />
      </UnstyledButton>
      <Collapse expanded={isOpen} transitionDuration={100}>
        <div className="card-body">
          <Remarks request={request} />
          <span className="card-label">{plural(messages.length, 'message')}</span>
          {messages.map((message, index) => (
            <SentMessage key={index} message={message} />
          ))}
          {tools.length > 0 && (
            <>
              <span className="card-label">{plural(tools.length, 'tool')}</span>
              <Code text={prettyJson(tools)} language="json" label="Tools as sent" />
            </>
          )}
          <span className="card-label">Parameters</span>
          <Code text={prettyJson(parameters)} language="json" label="Parameters as sent" />
        </div>
      </Collapse>
    </section>
  )
}

function Outcome({ request }: { request: ModelRequestWork }) {
  if (request.error) return <span className="status bad">{request.error.code}</span>
  if (request.ended_ms === null) return <span className="status busy">asked</span>
  return (
    <span className="status good">
      {request.finish_reason}{' '}
      {request.usage && (
        <span className="num">
          {number(request.usage.prompt_tokens)} in, {number(request.usage.completion_tokens)} out
        </span>
      )}
    </span>
  )
}

/** What a reader should know of a request beyond its text. */
function Remarks({ request }: { request: ModelRequestWork }) {
  const { left_out, notes, error, is_cut, started_ms } = request
  return (
    <>
      {error && (
        <Text size="sm" c="var(--bad)">
          {error.code}: {error.message}
        </Text>
      )}
      {left_out.count > 0 && (
        <Text size="sm">
          {plural(left_out.count, 'older message')} left out to fit:{' '}
          <span className="mono wrap">{left_out.ids.join(', ')}</span>
        </Text>
      )}
      {notes.map((note, index) => (
        <Text size="sm" key={index}>
          After {duration(Math.max(0, note.at_ms - started_ms))}: {noteWords(note)}
        </Text>
      ))}
      {is_cut && (
        <Text size="sm" c="dimmed">
          Long texts are shortened here; the model received them in full.
        </Text>
      )}
    </>
  )
}

interface Sent {
  role?: string
  content?: unknown
  tool_calls?: unknown
  tool_call_id?: string
}

function SentMessage({ message }: { message: Sent }) {
  const { role = '', content, tool_calls, tool_call_id } = message
  const text =
    typeof content === 'string'
      ? content
      : content === null || content === undefined
        ? ''
        : prettyJson(content)
  return (
    <div className={`sent ${role}`}>
      <span className="sent-role">
        {role} {tool_call_id !== undefined && <span className="mono dim">{tool_call_id}</span>}
      </span>
      {text !== '' && <Code text={text} wraps label={`Message of ${role}`} />}
      {tool_calls !== undefined && (
        <Code text={prettyJson(tool_calls)} language="json" wraps label="Tool calls" />
      )}
    </div>
  )
}
