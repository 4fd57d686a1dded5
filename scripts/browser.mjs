/** Finds Chromium, or installs Debian's where that is possible. */
import { existsSync } from 'node:fs'
import { canInstall, installPackages } from './debian.mjs'

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
  if (!canInstall()) return { reason: 'there is no Chromium; install one or name it in CHROMIUM' }
  const reason = installPackages(['chromium'])
  return reason === undefined ? { path: '/usr/bin/chromium' } : { reason }
}
