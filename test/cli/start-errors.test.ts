import { execFile, spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { listenReason } from '../../src/cli/start-errors.ts'
import { folderReason } from '../../src/util/folder.ts'
import { builtMain } from '../harness/built.ts'
import { makeDataDir, type DataDir } from '../harness/data-dir.ts'
import { whyMissing } from '../sandbox/available.ts'
import { runMain } from './run-main.ts'

let data: DataDir
beforeEach(() => {
  data = makeDataDir()
})
afterEach(() => data.remove())

const start = (environment: Record<string, string>) =>
  runMain([], { SPOOL_DATA_DIR: data.path, PORT: '0', ...environment })

test('a port that is in use is an error before the database is created', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const { code, stdout, stderr } = await start({ PORT: String(port) })
  other.close()
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toBe(
    `Spool could not start. PORT is ${port}, and another program listens at 127.0.0.1:${port} already (EADDRINUSE). ` +
      `Stop it, or choose another port with --port ${port + 1}.\n`,
  )
  expect(existsSync(join(data.path, 'database'))).toBe(false)
})

test.each([
  ['PORT', '70000', 'PORT=70000 cannot be used: the largest value is 65535.'],
  ['PORT', 'eighty', 'PORT=eighty cannot be used: a whole number is needed.'],
  ['HOST', 'no-such-host.invalid', 'HOST is no-such-host.invalid, which is not an address of this machine'],
  ['SPOOL_APIKEY', 'secret', 'SPOOL_APIKEY is not a setting. Did you mean SPOOL_API_KEY?'],
  ['OPENAI_BASE_URL', 'localhost:11434/v1', 'OPENAI_BASE_URL=localhost:11434/v1 cannot be used'],
  ['DATABASE_URL', 'localhost:5432', 'DATABASE_URL must begin with postgres://'],
  [
    'DATABASE_URL',
    'postgres://u:hush@no-such-host.invalid/x',
    '(DATABASE_URL) does not answer. Its host name is not known',
  ],
])('%s=%s ends the start with a sentence', async (name, value, message) => {
  const { code, stdout, stderr } = await start({ SPOOL_INSECURE: '1', [name]: value })
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain(message)
  expect(stderr).not.toContain('hush')
  expect(stderr).not.toMatch(/\n\s+at /)
})

test.each([
  ['SPOOL_DATA_DIR', 'file'],
  ['SPOOL_DATA_DIR', 'file/below'],
  ['SPOOL_BLOBS_FOLDER', 'file/blobs'],
])('%s=%s, where file is a file, ends the start with a sentence', async (name, path) => {
  const folder = join(data.path, 'folder')
  mkdirSync(folder)
  writeFileSync(join(folder, 'file'), '')
  const { code, stderr } = await start({ [name]: join(folder, path) })
  expect(code).toBe(1)
  expect(stderr).toContain(`${name} is ${join(folder, path)}, which is a file, lies below one`)
})

test.each([
  ['missing', 'is missing, which does not exist (ENOENT). Create it, or set another.'],
  ['file', 'which is a file, lies below one, or is a link to nothing (ENOTDIR). Set a folder.'],
  ['folder/missing', 'which does not exist (ENOENT)'],
])('TMPDIR=%s ends the start, and a check, with a sentence', async (name, message) => {
  mkdirSync(join(data.path, 'folder'), { recursive: true })
  writeFileSync(join(data.path, 'file'), '')
  const TMPDIR = name === 'missing' ? name : join(data.path, name)
  const { code, stdout, stderr } = await start({ TMPDIR })
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/^Spool could not start. TMPDIR, the folder for temporary files, is .*\n$/)
  expect(stderr).toContain(message)
  expect(existsSync(join(data.path, 'database'))).toBe(false)
  const checked = await runMain(['doctor'], {
    SPOOL_DATA_DIR: data.path,
    SPOOL_SANDBOX: 'off',
    PORT: '0',
    TMPDIR,
  })
  expect(checked.code).toBe(1)
  expect(checked.stdout).toMatch(/^fail +temporary files: TMPDIR, the folder/m)
})

/** Starts it from a shell after these commands; `prefix` is the program that starts the shell. */
function startAfter(prefix: string[], commands: string, ...args: string[]) {
  const shell = ['sh', '-c', `${commands}; exec "$@"`, 'sh', process.execPath, builtMain, ...args]
  const [program = '', ...rest] = [...prefix, ...shell]
  return promisify(execFile)(program, rest, {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, SPOOL_DATA_DIR: data.path, PORT: '0' },
  }).then(
    (ended) => ({ ...ended, code: 0 }),
    (error: unknown) => error as { code: number; stdout: string; stderr: string },
  )
}

const isRoot = process.getuid?.() === 0
const canMount = isRoot && spawnSync('unshare', ['--mount', 'true']).status === 0

test.skipIf(process.platform === 'win32').each([
  ['ulimit -n 64', 'Too few files may be open (EMFILE). Raise the limit: ulimit -n 1024.'],
  ['ulimit -n 32', 'raise the limit of open files: ulimit -n 1024.'],
  [
    'folder=$(mktemp -d); cd "$folder"; rmdir "$folder"',
    'The current folder does not exist any more. Change to another one.',
  ],
])('a start after `%s` ends with a sentence', async (commands, message) => {
  const { code, stdout, stderr } = await startAfter([], commands)
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/^Spool could not start\. .*\n$/)
  expect(stderr).toContain(message)
})

test.skipIf(whyMissing('bwrap')).each(['077', '027', '777'])(
  'after `umask %s` the sandbox works, and a new data folder is closed to others',
  async (mask) => {
    const { stdout } = await startAfter([], `umask ${mask}`, 'doctor', '--data-dir', join(data.path, 'new'))
    expect(stdout).toMatch(/^ok +sandbox: bwrap/m)
    expect(statSync(join(data.path, 'new')).mode & 0o066).toBe(0)
  },
)

test.runIf(existsSync('/dev/full')).each([['--help'], ['config', 'print'], ['models', 'list']])(
  'output of `%s` that cannot be written is an error, and a reader that wants no more is none',
  async (...args) => {
    const lost = await startAfter([], 'exec >/dev/full', ...args)
    expect(lost).toMatchObject({ code: 1, stderr: expect.stringMatching(/^Spool .*ENOSPC.*\n$/) })
    const shell = ['sh', '-c', '("$@"; echo $? >&2) | true', 'sh']
    expect((await startAfter(shell, 'true', ...args)).stderr).toBe('0\n')
  },
)

const [python, ...forbid] = ['python3', join(import.meta.dirname, '../harness/without-namespaces.py')]
const canForbidNamespaces = isRoot && spawnSync(python, [...forbid, 'true']).status === 0

test.runIf(canForbidNamespaces)('a user without a name and without namespaces gets a sentence', async () => {
  chownSync(data.path, 60_999, 60_999)
  const setUser = ['setpriv', '--reuid=60999', '--regid=60999', '--clear-groups']
  const { code, stderr } = await startAfter([python, ...forbid, ...setUser], 'true')
  expect(code).toBe(1)
  expect(stderr).toMatch(
    /^Spool could not start\. .* user 60999 has no line in \/etc\/passwd, .*DATABASE_URL.*\n$/,
  )
})

test.runIf(canMount).each(['size=30m', 'size=12m', 'nr_inodes=100'])(
  'a disk with %s that is too small for a database ends the start with a sentence',
  async (option) => {
    const mount = `mount -t tmpfs -o ${option} none ${data.path}`
    const { code, stderr } = await startAfter(['unshare', '--mount'], mount)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^Spool could not start\. .*: the disk is full\. Free some space, .*\n$/)
  },
)

test.runIf(canMount)('a full folder for temporary files ends the start with a sentence', async () => {
  const full = 'mkdir full; mount -t tmpfs -o size=4k none full; echo > full/file'
  const { code, stderr } = await startAfter(
    ['unshare', '--mount'],
    `cd ${data.path}; ${full}; export TMPDIR=$PWD/full`,
  )
  expect(code).toBe(1)
  expect(stderr).toBe(
    `Spool could not start. TMPDIR, the folder for temporary files, is ${data.path}/full, and the disk is full (ENOSPC). ` +
      'Free some space, or set another folder.\n',
  )
})

const archive = join(import.meta.dirname, 'start-errors.test.ts')

test.each([
  ['serve'],
  ['restore', archive],
  ['import', archive],
  ['models', 'pull', 'all-minilm-l6-v2'],
  ['serve', '--data-dir', '/sys/new/below'],
])('%s with a data folder that cannot be created ends with a sentence', async (...args) => {
  const { code, stderr } = await runMain(args, { SPOOL_DATA_DIR: '/proc/new', PORT: '0' })
  expect(stderr).toMatch(
    /SPOOL_DATA_DIR is \/(proc|sys)\/new.*, (where the system does not allow new folders|and this user may not)/,
  )
  expect(code).toBe(1)
})

test.each([['backup', 'spool.tar.gz'], ['export', 'exported'], ['reindex']])(
  '%s in a folder without a database says so and creates nothing',
  async (...args) => {
    const { code, stderr } = await runMain([...args, '--data-dir', data.path])
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `There is no database in ${data.path}. Name the data folder of the server with --data-dir, or set DATABASE_URL.\n`,
    })
    expect(existsSync(join(data.path, 'database'))).toBe(false)
    expect(existsSync('spool.tar.gz')).toBe(false)
  },
)

const fixtures = join(import.meta.dirname, '../harness/tls')
const certificate = join(fixtures, 'certificate.pem')
const key = join(fixtures, 'key.pem')

test.each([
  [certificate, '', 'SPOOL_TLS_CERT is set and SPOOL_TLS_KEY is not'],
  ['', key, 'SPOOL_TLS_KEY is set and SPOOL_TLS_CERT is not'],
  ['/no/such.pem', key, 'SPOOL_TLS_CERT is /no/such.pem, which cannot be read: ENOENT'],
  [certificate, '/no/such.pem', 'SPOOL_TLS_KEY is /no/such.pem, which cannot be read: ENOENT'],
  [key, key, `SPOOL_TLS_CERT is ${key}, which has no certificate`],
  [certificate, certificate, `SPOOL_TLS_KEY is ${certificate}, which has no private key`],
  [certificate, 'other', 'does not belong to'],
])('the certificate %s with the key %s ends the start with a sentence', async (cert, givenKey, message) => {
  const other = join(data.path, 'other.pem')
  mkdirSync(data.path, { recursive: true })
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  writeFileSync(other, privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const { code, stdout, stderr } = await start({
    SPOOL_TLS_CERT: cert,
    SPOOL_TLS_KEY: givenKey === 'other' ? other : givenKey,
  })
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain(message)
  expect(stderr).not.toContain('PRIVATE')
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(existsSync(join(data.path, 'database'))).toBe(false)
})

const withCode = (code: string) => Object.assign(new Error(code), { code })

test.each([
  ['EACCES', 'this user may not write there'],
  ['EROFS', 'on a read-only file system'],
  ['ENOSPC', 'the disk is full'],
  ['ENAMETOOLONG', 'Set a shorter one'],
])('the error %s of a folder says what to do', (code, words) => {
  expect(folderReason(withCode(code))).toContain(words)
})

test('a privileged port and a foreign address say what to do', () => {
  expect(listenReason(withCode('EACCES'), { host: '::1', port: 80 })).toContain('Choose a port above 1023')
  expect(listenReason(withCode('EADDRNOTAVAIL'), { host: '10.9.8.7', port: 80 })).toContain(
    'HOST is 10.9.8.7',
  )
})
