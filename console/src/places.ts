/** The views that the navigation leads to. */
import {
  IconArchive,
  IconCpu,
  IconFiles,
  IconMessage2Code,
  IconMessages,
  IconPlayerPlay,
  IconRobot,
  IconServer,
  type Icon,
} from '@tabler/icons-react'

export const places: { href: string; label: string; icon: Icon }[] = [
  { href: '/', label: 'Playground', icon: IconMessage2Code },
  { href: '/threads', label: 'Threads', icon: IconMessages },
  { href: '/runs', label: 'Runs', icon: IconPlayerPlay },
  { href: '/assistants', label: 'Assistants', icon: IconRobot },
  { href: '/files', label: 'Files', icon: IconFiles },
  { href: '/vector-stores', label: 'Vector stores', icon: IconArchive },
  { href: '/models', label: 'Models', icon: IconCpu },
  { href: '/server', label: 'Server', icon: IconServer },
]
