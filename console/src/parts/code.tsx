/** Code with highlighting, and a request as code to copy. */
import { Button, Popover, SegmentedControl, Stack } from '@mantine/core'
import { IconCode } from '@tabler/icons-react'
import hljs from 'highlight.js/lib/core'
import bash from 'highlight.js/lib/languages/bash'
import javascript from 'highlight.js/lib/languages/javascript'
import json from 'highlight.js/lib/languages/json'
import python from 'highlight.js/lib/languages/python'
import { useMemo, useState } from 'react'
import { codeFor, type Language, type RequestCode } from '../api/code.ts'
import { Copy } from './ids.tsx'

hljs.registerLanguage('bash', bash)
hljs.registerLanguage('javascript', javascript)
hljs.registerLanguage('json', json)
hljs.registerLanguage('python', python)

/** Longer texts are shown without colours: highlighting them would hold up the page. */
const longestHighlighted = 60_000

export interface CodeProps {
  text: string
  language?: string
  /** Lines wrap in place of scrolling. */
  wraps?: boolean
  label?: string
}

export function Code({ text, language, wraps = false, label = 'Code' }: CodeProps) {
  const html = useMemo(() => {
    if (language === undefined || !hljs.getLanguage(language) || text.length > longestHighlighted)
      return undefined
    // highlight.js escapes the text: what it answers holds its own spans and nothing of the text's markup.
    return hljs.highlight(text, { language, ignoreIllegals: true }).value
  }, [text, language])
  return (
    <div className="code">
      <pre className={wraps ? 'wraps' : undefined} tabIndex={0} role="region" aria-label={label}>
        {html === undefined ? <code>{text}</code> : <code dangerouslySetInnerHTML={{ __html: html }} />}
      </pre>
      <Copy text={text} label="Copy this text" />
    </div>
  )
}

const languages = [
  { value: 'curl', label: 'curl' },
  { value: 'node', label: 'Node' },
  { value: 'python', label: 'Python' },
]
const highlighting = { curl: 'bash', node: 'javascript', python: 'python' }

export function RequestCodes({ request }: { request: RequestCode }) {
  const [language, setLanguage] = useState<Language>('curl')
  return (
    <Stack gap={8}>
      <SegmentedControl
        size="xs"
        data={languages}
        value={language}
        aria-label="Language"
        onChange={(value) => setLanguage(value as Language)}
      />
      <Code
        text={codeFor(language, request)}
        language={highlighting[language]}
        label={`This request in ${language}`}
      />
    </Stack>
  )
}

/** A button that shows the request of a view. */
export function CodeButton({ request }: { request: RequestCode }) {
  return (
    <Popover width={520} position="bottom-end" shadow="md" trapFocus transitionProps={{ duration: 100 }}>
      <Popover.Target>
        <Button variant="default" leftSection={<IconCode size={14} />}>
          Code
        </Button>
      </Popover.Target>
      <Popover.Dropdown maw="calc(100vw - 16px)" aria-label="This view's request as code">
        <RequestCodes request={request} />
      </Popover.Dropdown>
    </Popover>
  )
}
