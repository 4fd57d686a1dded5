/** What is around every view: the navigation, the search, the state of the server, the key, the theme. */
import {
  ActionIcon,
  Button,
  Drawer,
  Kbd,
  Tooltip,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core'
import { useDisclosure, useHotkeys, useLocalStorage } from '@mantine/hooks'
import {
  IconLayoutSidebarLeftCollapse,
  IconLayoutSidebarLeftExpand,
  IconMenu2,
  IconMoon,
  IconSearch,
  IconSun,
} from '@tabler/icons-react'
import { useEffect, type ReactNode } from 'react'
import { Link, useLocation } from 'wouter'
import { Finder } from './finder.tsx'
import { places } from './places.ts'
import { KeyButton, KeyGate } from './key.tsx'
import { ServerState } from './server-state.tsx'

export function Shell({ children }: { children: ReactNode }) {
  const [isFinding, finder] = useDisclosure(false)
  const [isMenu, menu] = useDisclosure(false)
  const [isNarrow, setNarrow] = useLocalStorage({
    key: 'spool.nav',
    defaultValue: false,
    getInitialValueInEffect: false,
  })
  const [location] = useLocation()
  useHotkeys([['mod+K', finder.open]], [])
  useEffect(() => menu.close(), [location])
  return (
    <div className={isNarrow ? 'shell narrow' : 'shell'}>
      <a href="#content" className="skip">
        Skip to the content
      </a>
      <Top onMenu={menu.open} onFind={finder.open} />
      <Side isNarrow={isNarrow} onChange={setNarrow} />
      <main id="content" className="content" tabIndex={-1}>
        <KeyGate>{children}</KeyGate>
      </main>
      <Drawer
        opened={isMenu}
        onClose={menu.close}
        size={240}
        title="Spool"
        closeButtonProps={{ 'aria-label': 'Close the menu' }}
      >
        <nav aria-label="Main">
          <Places isNarrow={false} />
        </nav>
      </Drawer>
      <Finder isOpen={isFinding} onClose={finder.close} />
    </div>
  )
}

function Top({ onMenu, onFind }: { onMenu: () => void; onFind: () => void }) {
  return (
    <header className="top">
      <ActionIcon className="only-narrow" aria-label="Menu" onClick={onMenu}>
        <IconMenu2 size={18} />
      </ActionIcon>
      <Link href="/" className="brand">
        Spool
      </Link>
      <ServerState />
      <span className="spring" />
      <Button
        variant="default"
        className="finder-button"
        leftSection={<IconSearch size={14} />}
        onClick={onFind}
        aria-label="Find Ctrl K"
      >
        <span className="only-wide">
          Find <Kbd size="xs">Ctrl K</Kbd>
        </span>
      </Button>
      <KeyButton />
      <ThemeButton />
    </header>
  )
}

function Side({ isNarrow, onChange }: { isNarrow: boolean; onChange: (isNarrow: boolean) => void }) {
  return (
    <nav className="side" aria-label="Main">
      <Places isNarrow={isNarrow} />
      <span className="spring" />
      <Tooltip label={isNarrow ? 'Wider' : 'Narrower'} position="right">
        <ActionIcon
          aria-label={isNarrow ? 'Widen the navigation' : 'Narrow the navigation'}
          onClick={() => onChange(!isNarrow)}
        >
          {isNarrow ? <IconLayoutSidebarLeftExpand size={18} /> : <IconLayoutSidebarLeftCollapse size={18} />}
        </ActionIcon>
      </Tooltip>
    </nav>
  )
}

function Places({ isNarrow }: { isNarrow: boolean }) {
  const [location] = useLocation()
  return places.map(({ href, label, icon: Icon }) => {
    const isHere = href === '/' ? location === '/' : location.startsWith(href)
    return (
      <Tooltip key={href} label={label} position="right" disabled={!isNarrow}>
        <Link
          href={href}
          className={isHere ? 'place here' : 'place'}
          aria-current={isHere ? 'page' : undefined}
          aria-label={label}
        >
          <Icon size={18} stroke={1.6} aria-hidden />
          <span className="place-label">{label}</span>
        </Link>
      </Tooltip>
    )
  })
}

function ThemeButton() {
  const { setColorScheme } = useMantineColorScheme()
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: false })
  const other = scheme === 'dark' ? 'light' : 'dark'
  return (
    <Tooltip label={`Use the ${other} theme`}>
      <ActionIcon aria-label={`Use the ${other} theme`} onClick={() => setColorScheme(other)}>
        {scheme === 'dark' ? <IconSun size={18} /> : <IconMoon size={18} />}
      </ActionIcon>
    </Tooltip>
  )
}
