/** JSON that is edited as text and checked as it is typed. */
import { Textarea } from '@mantine/core'
import { useState, type KeyboardEvent } from 'react'
import { message } from './text.ts'

interface JsonFieldProps<Value> {
  label: string
  value: Value
  /** Answers what is wrong with parsed JSON, or undefined. */
  check?: (value: unknown) => string | undefined
  /** undefined while the text cannot be used. */
  onChange: (value: Value | undefined) => void
  minRows?: number
  description?: string
}

export function JsonField<Value>(props: JsonFieldProps<Value>) {
  const { label, value, check, onChange, minRows = 6, description } = props
  const [text, setText] = useState(() => JSON.stringify(value, null, 2))
  const fault = faultOf(text, check)
  const change = (next: string) => {
    setText(next)
    onChange(faultOf(next, check) === undefined ? (JSON.parse(next) as Value) : undefined)
  }
  return (
    <Textarea
      label={label}
      description={description}
      value={text}
      autosize
      minRows={minRows}
      maxRows={24}
      spellCheck={false}
      error={fault}
      classNames={{ input: 'mono' }}
      onChange={(event) => change(event.currentTarget.value)}
      onKeyDown={(event) => indent(event, change)}
      onBlur={() => fault === undefined && setText(JSON.stringify(JSON.parse(text), null, 2))}
    />
  )
}

function faultOf(
  text: string,
  check: ((value: unknown) => string | undefined) | undefined,
): string | undefined {
  try {
    return check?.(JSON.parse(text))
  } catch (error) {
    return message(error)
  }
}

/** Ctrl with ] indents; Tab stays what it is, or the keyboard would be caught in the field. */
function indent(event: KeyboardEvent<HTMLTextAreaElement>, change: (text: string) => void): void {
  if (event.key !== ']' || !event.ctrlKey) return
  event.preventDefault()
  const { selectionStart, selectionEnd, value } = event.currentTarget
  change(`${value.slice(0, selectionStart)}  ${value.slice(selectionEnd)}`)
}
