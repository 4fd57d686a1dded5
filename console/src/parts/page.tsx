/** The frame of a view: its title, what can be done, and the content. */
import { Anchor, Button, Group, Popover, Stack, Text, Title } from '@mantine/core'
import { IconChevronLeft } from '@tabler/icons-react'
import { useEffect, useState, type ReactNode } from 'react'
import { Link } from 'wouter'

interface PageProps {
  title: string
  /** Beneath the title: an id, a status. */
  detail?: ReactNode
  back?: { href: string; label: string }
  actions?: ReactNode
  children: ReactNode
  /** The content fills the height and scrolls by itself. */
  isFilled?: boolean
}

export function Page({ title, detail, back, actions, children, isFilled = false }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Spool`
  }, [title])
  return (
    <div className={isFilled ? 'page filled' : 'page'}>
      <header className="page-head">
        <div className="page-title">
          {back && (
            <Anchor component={Link} href={back.href} size="xs" className="back">
              <IconChevronLeft size={12} aria-hidden /> {back.label}
            </Anchor>
          )}
          <Title order={1} className="clip" title={title}>
            {title}
          </Title>
          {detail && <div className="page-detail">{detail}</div>}
        </div>
        {actions && <Group gap={8}>{actions}</Group>}
      </header>
      {children}
    </div>
  )
}

/** Asks before it does what cannot be undone. */
export function ConfirmButton(props: {
  label: string
  question: string
  onConfirm: () => unknown
  icon?: ReactNode
}) {
  const { label, question, onConfirm, icon } = props
  const [isOpen, setOpen] = useState(false)
  return (
    <Popover
      opened={isOpen}
      onChange={setOpen}
      shadow="md"
      trapFocus
      position="bottom-end"
      transitionProps={{ duration: 100 }}
    >
      <Popover.Target>
        <Button variant="default" leftSection={icon} onClick={() => setOpen(!isOpen)}>
          {label}
        </Button>
      </Popover.Target>
      <Popover.Dropdown maw={300} aria-label={label}>
        <Stack gap={8}>
          <Text size="sm">{question}</Text>
          <Group gap={8}>
            <Button
              color="red"
              onClick={() => {
                setOpen(false)
                onConfirm()
              }}
            >
              {label}
            </Button>
            <Button variant="default" onClick={() => setOpen(false)}>
              Keep
            </Button>
          </Group>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  )
}

/** A table of facts about one object. */
export function Facts({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
