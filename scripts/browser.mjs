/** Finds Chromium, or installs Debian's where that is possible. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const places = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** `path` of a browser, or why there is none as `reason`. */
export function findBrowser() {
  const found = places.find((place) => place && existsSync(place))
  if (found) return { path: found }
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    return { reason: 'there is no Chromium; install one or name it in CHROMIUM' }
  }
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', 'chromium'],
  ]) {
    const { status, stderr, error } = spawnSync('apt-get', args, { encoding: 'utf8' })
    if (status !== 0) return { reason: `apt-get ${args[0]}: ${error?.message ?? stderr.trim()}` }
  }
  return { path: '/usr/bin/chromium' }
}
