/**
 * Text of a model or a user as Markdown. It may be an attacker's: raw HTML is shown as text, addresses other than web
 * ones are dropped, remote images are named and not loaded, and links show their host.
 */
import { IconExternalLink, IconPhoto } from '@tabler/icons-react'
import { createContext, memo, useContext, useMemo } from 'react'
import Markdown, { defaultUrlTransform, type Components } from 'react-markdown'
import remarkGfm from 'remark-gfm'
import type { Annotation } from '../api/types.ts'
import { Code } from './code.tsx'
import { FileChip } from './files.tsx'

export interface Citations {
  annotations: readonly Annotation[]
  /** Opens the passage behind an annotation. */
  open: (annotation: Annotation) => void
}

const CitationsContext = createContext<Citations>({ annotations: [], open: () => {} })

const mark = 'citation:'

/** `sandbox:` is how a model names a file that its code has written; the rest is what browsers may follow. */
function urlTransform(url: string): string {
  return url.startsWith('sandbox:/') || url.startsWith(mark) ? url : defaultUrlTransform(url)
}

function hostOf(url: string): string | undefined {
  try {
    return new URL(url).host || undefined
  } catch {
    return undefined
  }
}

const safeImage = /^data:image\/(png|jpeg|gif|webp);base64,/i

/** An image of another host. It is not loaded: the host would learn who reads this. */
export function RemoteImage({ url, alt }: { url: string; alt?: string | undefined }) {
  const host = hostOf(url)
  return (
    <span className="remote-image">
      <IconPhoto size={16} aria-hidden /> {alt || 'Image'}
      {host === undefined ? (
        <span className="dim">with an address that cannot be opened</span>
      ) : (
        <a href={url} target="_blank" rel="noopener noreferrer nofollow" referrerPolicy="no-referrer">
          open from {host} <IconExternalLink size={12} aria-hidden />
        </a>
      )}
    </span>
  )
}

function Anchor({ href = '', children }: { href?: string | undefined; children?: React.ReactNode }) {
  const { annotations, open } = useContext(CitationsContext)
  if (href.startsWith(mark)) {
    const index = Number(href.slice(mark.length))
    const annotation = annotations[index]
    if (!annotation) return <>{children}</>
    return (
      <button
        type="button"
        className="citation"
        onClick={() => open(annotation)}
        aria-label={`Citation ${index + 1}`}
      >
        {index + 1}
      </button>
    )
  }
  if (href.startsWith('sandbox:')) {
    const found = annotations.find((one) => one.type === 'file_path' && one.text === href)
    if (found?.type === 'file_path') return <FileChip id={found.file_path.file_id} />
    return <span title="The code has written no such file">{children}</span>
  }
  const host = hostOf(href)
  if (host === undefined) return <span>{children}</span>
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow" referrerPolicy="no-referrer">
      {children}
      <span className="host"> {host}</span>
    </a>
  )
}

const components: Components = {
  a: ({ href, children }) => <Anchor href={href}>{children}</Anchor>,
  img: ({ src, alt }) =>
    typeof src === 'string' && safeImage.test(src) ? (
      <img src={src} alt={alt ?? ''} />
    ) : (
      <RemoteImage url={String(src)} alt={alt} />
    ),
  pre: ({ children }) => <>{children}</>,
  code: ({ className, children }) => {
    const text = typeof children === 'string' ? children : ''
    const [, language] = /language-(\w+)/.exec(className ?? '') ?? []
    if (language === undefined && !text.includes('\n')) return <code className="inline">{children}</code>
    return <Code text={text.replace(/\n$/, '')} {...(language !== undefined && { language })} />
  },
  table: ({ children }) => (
    <div className="table-scroll" tabIndex={0} role="region" aria-label="Table">
      <table>{children}</table>
    </div>
  ),
}

interface Node {
  type: string
  value?: string
  children?: Node[]
  url?: string
}

/** Puts a link in the place of every citation mark in the text. */
function remarkCitations(annotations: readonly Annotation[]) {
  const marks = annotations.flatMap((one, index) =>
    one.type === 'file_citation' && one.text ? [{ text: one.text, index }] : [],
  )
  const split = (value: string): Node[] => {
    const found = marks
      .map(({ text, index }) => ({ at: value.indexOf(text), text, index }))
      .filter(({ at }) => at >= 0)
      .toSorted((one, other) => one.at - other.at)[0]
    if (!found) return value === '' ? [] : [{ type: 'text', value }]
    const link = {
      type: 'link',
      url: `${mark}${found.index}`,
      children: [{ type: 'text', value: String(found.index + 1) }],
    }
    const before = value.slice(0, found.at)
    return [
      ...(before ? [{ type: 'text', value: before }] : []),
      link,
      ...split(value.slice(found.at + found.text.length)),
    ]
  }
  const walk = (node: Node): void => {
    node.children = node.children?.flatMap((child) => {
      if (child.type === 'text') return split(child.value ?? '')
      walk(child)
      return [child]
    })
  }
  return () => walk
}

export interface MarkdownProps {
  text: string
  citations?: Citations
}

const none: readonly Annotation[] = []

export const MarkdownText = memo(function MarkdownText({ text, citations }: MarkdownProps) {
  const annotations = citations?.annotations ?? none
  const plugins = useMemo(() => [remarkGfm, remarkCitations(annotations)], [annotations])
  const body = (
    <div className="markdown">
      <Markdown remarkPlugins={plugins} components={components} urlTransform={urlTransform}>
        {text}
      </Markdown>
    </div>
  )
  return citations ? <CitationsContext value={citations}>{body}</CitationsContext> : body
})
