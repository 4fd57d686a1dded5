/** Finds Chromium, or installs the one of Debian as root. */
import { existsSync } from 'node:fs'
import { canInstall, installPackages } from './debian.mjs'

const places = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** Returns the `path` of a browser, or the `reason` why there is none. */
export function findBrowser() {
  const found = places.find((place) => place && existsSync(place))
  if (found) return { path: found }
  if (!canInstall()) return { reason: 'there is no Chromium; install one or name it in CHROMIUM' }
  const reason = installPackages(['chromium'])
  return reason === undefined ? { path: '/usr/bin/chromium' } : { reason }
}
