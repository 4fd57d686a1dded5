/** Packages of Debian and Ubuntu, for suites that need more than npm. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Whether this process may install packages. */
export function canInstall() {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')
}

/** Installs packages; returns the reason when that fails. */
export function installPackages(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const run = (...args) => spawnSync('apt-get', args, { env, encoding: 'utf8' })
  // The lists may be good enough when they cannot be updated.
  run('update', '-q')
  const { status, stderr, error } = run('install', '-y', '-q', '--no-install-recommends', ...packages)
  return status === 0 ? undefined : `apt-get install failed: ${error?.message ?? stderr.trim()}`
}
