/** Attempts of a hostile cell to leave a native sandbox; each must fail. */
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { SandboxDriver, SandboxSession } from '../../src/sandbox/port.ts'
import { type Canaries, placeCanaries } from '../../src/sandbox/native/self-test.ts'
import { sleep } from '../../src/util/abort.ts'
import { hastyLimits, openFor, patientLimits, roomyLimits, runCode } from './sandbox-cells.ts'

export interface EscapeSubject {
  name: string
  driver: SandboxDriver
  skip: string | undefined
  /** Whether the sandbox has its own process list. */
  ownProcessList: boolean
  /** Whether the host may look into the sandbox's processes. */
  seesProcesses: boolean
}

/** Evaluates each Python expression, and prints those that did not raise with their values. */
const attempts = (tries: Record<string, string>) => `
import ctypes, os, socket, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
through = {}
for name, code in ${JSON.stringify(tries)}.items():
    try:
        through[name] = repr(eval(code))[:100]
    except BaseException as error:
        pass
print(through)
`

/** The values of the expressions that did not raise; `{}` when all raised. */
async function through(session: SandboxSession, tries: Record<string, string>): Promise<string> {
  return (await runCode(session, attempts(tries))).logs
}

/** Processes of the host with the mark in their command line; a cell passes it to what it starts. */
export function processesWith(mark: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(mark)
      } catch {
        return false
      }
    })
    .map(Number)
}

export function escapeSuite(subject: EscapeSubject): void {
  const { driver } = subject
  describe.skipIf(subject.skip !== undefined)(`a hostile cell in the ${subject.name} sandbox`, () => {
    let canaries: Canaries
    beforeAll(async () => {
      canaries = await placeCanaries()
      process.env.SPOOL_TEST_SECRET = 'secret-of-the-server'
    })
    afterEach(() => expect(canaries.reached()).toBe(0))
    afterAll(async () => {
      delete process.env.SPOOL_TEST_SECRET
      await canaries.remove()
      await driver.close()
    })
    reachTests(subject, () => canaries)
    callTests(driver)
    folderTests(driver)
    bombTests(subject)
    protocolTests(driver)
  })
}

function reachTests({ driver, ownProcessList }: EscapeSubject, canaries: () => Canaries): void {
  test('reads no file of the host, of the project or of another session', async () => {
    const [session, other] = [await openFor(driver), await openFor(driver)]
    await runCode(
      other,
      "open('/mnt/data/private.txt', 'w').write('private')\nimport os\nos.chmod('/mnt/data', 0o777)",
    )
    const source = join(import.meta.dirname, 'sandbox.ts')
    expect(readFileSync(canaries().file, 'utf8')).toBe('canary')
    const read = (path: string) => `open(${JSON.stringify(path)}).read(1)`
    expect(
      await through(session, {
        canary: read(canaries().file),
        'canary by dots': read(`/mnt/data/../..${canaries().file}`),
        'canary by root': read(`/proc/self/root${canaries().file}`),
        'canary by working directory': read(`/proc/self/cwd/../..${canaries().file}`),
        'canary by parent': `open(f"/proc/{os.getppid()}/root${canaries().file}").read(1)`,
        'canary of pid 1': read(`/proc/1/root${canaries().file}`),
        'canary by a program': `subprocess.check_output(["cat", ${JSON.stringify(canaries().file)}], stderr=-3)`,
        project: read(source),
        passwd: read('/etc/passwd'),
        shadow: read('/etc/shadow'),
        'machine id': read('/etc/machine-id'),
        'root home': "os.listdir('/root')",
        'memory of the machine': read('/dev/mem'),
        'kernel memory': read('/proc/kcore'),
        'other sessions': `[open(os.path.join(f, "private.txt")).read() for f, _, n in os.walk("/") if "private.txt" in n][0]`,
      }),
    ).toBe('{}\n')
  })

  test('writes nowhere but /mnt/data and /tmp', async () => {
    const session = await openFor(driver)
    const folders = [
      '/',
      '/etc',
      '/usr',
      '/usr/bin',
      '/usr/lib',
      '/var',
      '/var/tmp',
      '/dev',
      '/run',
      '/mnt',
      '/proc',
      '/sys',
    ]
    expect(
      await through(
        session,
        Object.fromEntries(
          folders.map((folder) => [folder, `open(${JSON.stringify(join(folder, 'planted'))}, "w")`]),
        ),
      ),
    ).toBe('{}\n')
  })

  test('finds nothing of the server in any environment', async () => {
    const session = await openFor(driver)
    expect(process.env.SPOOL_TEST_SECRET).toBe('secret-of-the-server')
    const code = `
import glob, os
seen = repr(dict(os.environ))
for path in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/cmdline'):
    try:
        seen += open(path, errors='replace').read()
    except OSError:
        pass
print('secret-of-the-server' in seen, 'vitest' in seen, len(os.environ) < 15)`
    expect((await runCode(session, code)).logs).toBe('False False True\n')
  })

  test('reaches no network, no socket of the host and no strange socket family', async () => {
    const session = await openFor(driver)
    const { port, abstract } = canaries()
    const family = (number: number, kind = 1) => `socket.socket(${number}, ${kind})`
    expect(
      await through(session, {
        'loopback 4': `socket.create_connection(("127.0.0.1", ${port}), 2)`,
        'loopback 6': `socket.create_connection(("::1", ${port}), 2)`,
        'any address': `socket.create_connection(("0.0.0.0", ${port}), 2)`,
        http: `__import__("urllib.request").request.urlopen("http://127.0.0.1:${port}/", timeout=2)`,
        'name service': 'socket.getaddrinfo("example.com", 80)',
        'abstract socket': `(lambda s: s.connect("\\0${abstract}"))(socket.socket(socket.AF_UNIX))`,
        'abstract socket, filled up': `(lambda s: s.connect("\\0${abstract}".ljust(108, "\\0")))(socket.socket(socket.AF_UNIX))`,
        'by a program': `subprocess.check_call(["bash", "-c", "echo > /dev/tcp/127.0.0.1/${port}"], stderr=-3)`,
        inet: family(2),
        udp: family(2, 2),
        inet6: family(10),
        netlink: family(16, 3),
        packet: family(17, 3),
        bluetooth: family(31, 3),
        alg: family(38, 5),
        vsock: family(40),
        xdp: family(44, 3),
        'pair of another family': 'socket.socketpair(socket.AF_INET)',
      }),
    ).toBe('{}\n')
  })

  test('does not run as root', async () => {
    const session = await openFor(driver)
    const { logs } = await runCode(session, 'import os\nprint(os.getuid() != 0, os.geteuid() != 0)')
    expect(logs).toBe('True True\n')
  })

  test.runIf(ownProcessList)('sees no process of the host', async () => {
    const session = await openFor(driver)
    const list = "import os\nlen([n for n in os.listdir('/proc') if n.isdigit()])"
    expect(Number((await runCode(session, list)).logs)).toBeLessThan(5)
  })

  test.runIf(!ownProcessList)('signals and lists no process of the host', async () => {
    const session = await openFor(driver)
    const seen = await through(session, {
      list: "os.listdir('/proc')",
      signal: `os.kill(${process.pid}, 0) or "sent"`,
      limits: `__import__("resource").prlimit(${process.pid}, 7)`,
      priority: `os.setpriority(0, ${process.pid}, 19) or "set"`,
    })
    expect(seen).toBe('{}\n')
  })

  test('inherits no descriptor but its own three', async () => {
    const session = await openFor(driver)
    const code = `
import os, stat
for n in range(3, 300):
    try:
        kind = os.fstat(n).st_mode
    except OSError:
        continue
    if not (stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)):
        print(n, oct(kind))
print('done')`
    expect((await runCode(session, code)).logs).toBe('done\n')
  })
}

function callTests(driver: SandboxDriver): void {
  test('makes no system call that could lead out of the sandbox', async () => {
    const session = await openFor(driver)
    const x64 = process.arch === 'x64'
    const by = (onX64: number, onArm64: number, rest: string) => `call(${x64 ? onX64 : onArm64}${rest})`
    expect(
      await through(session, {
        ptrace: by(101, 117, ', 0, 0, 0, 0'),
        'ptrace of pid 1': by(101, 117, ', 16, 1, 0, 0'),
        process_vm_readv: by(310, 270, ', os.getppid(), 0, 0, 0, 0, 0'),
        mount: by(165, 40, ', b"none", b"/mnt/data", b"tmpfs", 0, 0'),
        'new user namespace': by(272, 97, ', 0x10000000'),
        'new mount namespace': by(272, 97, ', 0x20000'),
        'clone into a user namespace': by(56, 220, ', 0x10000011, 0, 0, 0, 0'),
        clone3: by(435, 435, ', ctypes.create_string_buffer(88), 88'),
        setns: by(308, 268, ', 0, 0'),
        bpf: by(321, 280, ', 0, ctypes.create_string_buffer(128), 128'),
        perf: by(298, 241, ', ctypes.create_string_buffer(128), 0, -1, -1, 0'),
        io_uring: by(425, 425, ', 8, ctypes.create_string_buffer(128)'),
        userfaultfd: by(323, 282, ', 1'),
        'session keyring': by(250, 219, ', 0, -3, 1'),
        add_key: by(248, 217, ', b"user", b"a", b"b", 1, -2'),
        personality: by(135, 92, ', 0xffffffff'),
        memfd: by(319, 279, ', b"hidden", 0'),
        shmget: by(29, 194, ', 0, 4096, 0o1777'),
        msgget: by(68, 186, ', 0, 0o1777'),
        'message queue': by(240, 180, ', b"q", 66, 384, 0'),
        'own program tracing': by(434, 434, ', os.getpid(), 0'),
        mkfifo: "os.mkfifo('/mnt/data/pipe') or 'made'",
        mknod: "os.mknod('/mnt/data/node', 0o020666, 259) or 'made'",
        'limits of another': '__import__("resource").prlimit(os.getppid(), 7)',
        'processor of another': 'os.sched_setaffinity(os.getppid(), {0}) or "set"',
        'priority of another': 'os.setpriority(0, os.getppid(), 19) or "set"',
        setuid: 'os.setuid(0) or "root"',
        chroot: "os.chroot('/mnt/data') or 'moved'",
        sudo: 'subprocess.check_call(["su", "-c", "id"], stdin=-3, stdout=-3, stderr=-3)',
      }),
    ).toBe('{}\n')
  })

  test('keeps no privilege over a new program', async () => {
    const session = await openFor(driver)
    expect((await runCode(session, 'import ctypes\nctypes.CDLL(None).prctl(39, 0, 0, 0, 0)')).logs).toBe(
      '1\n',
    )
  })
}

function folderTests(driver: SandboxDriver): void {
  test('an endless tree of folders is stopped, and the session still cleans up after itself', async () => {
    const session = await openFor(driver)
    const code = "import os\nwhile True:\n    os.mkdir('d' * 100); os.chdir('d' * 100)"
    const { end, logs } = await runCode(session, code)
    expect(end.status).toBe('disk')
    expect(logs).toContain('too many files or folders')
    await session.close()
  })

  test('does not report links, hard links or folders without permissions as files', async () => {
    const session = await openFor(driver)
    const code = `
import os
os.symlink('/etc/shadow', 'shadow')
os.symlink('/', 'root')
os.symlink('/proc/self/environ', 'environ')
try:
    os.link('/usr/bin/env', 'hard')
except OSError:
    pass
os.mkdir('locked'); open('locked/in', 'w').write('x'); os.chmod('locked', 0)
open('good', 'w').write('good')
os.chmod('good', 0o6777);`
    const { files, logs } = await runCode(session, code)
    expect(logs).toBe('')
    expect(files.map(({ name }) => name)).toContain('good')
    expect(files.filter(({ name }) => !['good', 'locked/in'].includes(name))).toEqual([])
    await expect(session.read('shadow')).rejects.toThrow(/ELOOP/)
    await expect(session.read('root/etc/shadow')).rejects.toThrow(/ENOTDIR|ELOOP/)
    await session.close()
  })

  test('a folder that is replaced by a link while the host reads gives access to no other file', async () => {
    const session = await openFor(driver)
    await runCode(
      session,
      "import os, threading\nos.mkdir('a'); open('a/hostname', 'w').write('mine')\nos.symlink('/etc', 'b')\n" +
        "def swap():\n    while True:\n        for one, other in (('a', 'c'), ('b', 'a'), ('a', 'b'), ('c', 'a')):\n            os.rename(one, other)\n" +
        'threading.Thread(target=swap, daemon=True).start();',
    )
    for (let round = 0; round < 200; round += 1) {
      const stream = await session.read('a/hostname').catch(() => undefined)
      if (stream === undefined) continue
      let read = ''
      for await (const chunk of stream) read += String(chunk)
      expect(read).toBe('mine')
    }
  })
}

function bombTests({ driver, ownProcessList, seesProcesses }: EscapeSubject): void {
  test('a fork bomb ends at the process limit, and another session still works', async () => {
    const [session, neighbour] = [await openFor(driver, hastyLimits), await openFor(driver)]
    const bomb = runCode(
      session,
      'import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass',
    )
    const fork = "import subprocess\nsubprocess.check_output(['echo', 'alive']).decode()"
    expect((await runCode(neighbour, fork)).logs).toBe("'alive\\n'\n")
    expect((await bomb).end.status).toBe('timeout')
  })

  test('an endless number of threads stops at the process limit', async () => {
    const session = await openFor(driver)
    const code = `
import threading, time
made = 0
try:
    for _ in range(500):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        made += 1
except RuntimeError as error:
    print(error, made < ${roomyLimits.processes})`
    expect((await runCode(session, code)).logs).toBe("can't start new thread True\n")
  })

  test('many processes that together take too much memory are ended', async () => {
    const session = await openFor(driver)
    const code = `
import os, time
for _ in range(6):
    if os.fork() == 0:
        hog = b'x' * 150_000_000
        time.sleep(60)
        os._exit(0)
time.sleep(60)`
    const { end, logs } = await runCode(session, code)
    expect(end).toEqual({ status: 'memory', sessionLost: true })
    expect(logs).toContain('MemoryError: the cell used more than 512 MiB')
  })

  test.runIf(seesProcesses)(
    'children that only share their parent memory are not counted as if each had its own',
    async () => {
      const session = await openFor(driver)
      const code = `
import os, time
shared = b'x' * 150_000_000
children = []
for _ in range(6):
    pid = os.fork()
    if pid == 0:
        time.sleep(1)
        os._exit(0)
    children.append(pid)
print([os.waitpid(pid, 0)[1] for pid in children])`
      expect((await runCode(session, code)).logs).toBe('[0, 0, 0, 0, 0, 0]\n')
    },
  )

  test('many files fill no more than the disk limit', async () => {
    const session = await openFor(driver)
    const code = `
n = 0
while True:
    n += 1
    with open(f'/mnt/data/{n}', 'wb') as f:
        f.write(bytes(8 * 1024 * 1024))`
    const { end, logs } = await runCode(session, code)
    expect(end.status).toBe('disk')
    expect(logs).toContain('48 MiB')
  })

  test.runIf(seesProcesses)('deleted files that are still open count as disk', async () => {
    const session = await openFor(driver)
    const code = `
import os
kept = []
while True:
    f = open('/mnt/data/hidden', 'wb')
    os.unlink('/mnt/data/hidden')
    f.write(bytes(8 * 1024 * 1024)); f.flush()
    kept.append(f)`
    expect((await runCode(session, code)).end.status).toBe('disk')
  })

  test('a tree of countless empty files is stopped', async () => {
    const session = await openFor(driver)
    const code = "n = 0\nwhile True:\n    n += 1\n    open(f'/mnt/data/{n}', 'w').close()"
    expect((await runCode(session, code)).end.status).toBe('disk')
  })

  test.runIf(ownProcessList).each(['/tmp', '/dev/shm'])(
    'countless empty files in %s are stopped, though they take no space there',
    async (folder) => {
      const session = await openFor(driver)
      const code = `n = 0\nwhile True:\n    n += 1\n    open(f'${folder}/{n}', 'w').close()`
      expect((await runCode(session, code)).end).toEqual({ status: 'disk', sessionLost: true })
    },
  )

  test.runIf(seesProcesses)('sockets of many children count by what their buffers may hold', async () => {
    const session = await openFor(driver)
    const code = `
import os, socket, time
for _ in range(20):
    if os.fork() == 0:
        kept = [socket.socketpair() for _ in range(100)]
        for pair in kept:
            for end in pair:
                end.setblocking(False)
                try:
                    while True:
                        end.send(bytes(65536))
                except OSError:
                    pass
        time.sleep(60)
        os._exit(0)
time.sleep(60)`
    expect((await runCode(session, code)).end).toEqual({ status: 'memory', sessionLost: true })
  })

  test.runIf(ownProcessList)('/tmp and /dev/shm have their own limits', async () => {
    const session = await openFor(driver)
    const code = `
for folder in ('/tmp', '/dev/shm'):
    try:
        for n in range(4):
            with open(f'{folder}/{n}', 'wb') as f:
                f.write(bytes(8 * 1024 * 1024))
    except OSError as error:
        print(error.strerror)`
    const { logs } = await runCode(session, code)
    expect(logs).toBe('No space left on device\n'.repeat(2))
  })

  test('a background process is gone after its cell, and with the session', async () => {
    const session = await openFor(driver)
    const mark = `daemon-${randomUUID()}`
    const code = `import subprocess, sys
daemon = 'import signal, time; signal.signal(15, 1); print("up", flush=True); time.sleep(600)'
child = subprocess.Popen([sys.executable, '-c', daemon, '${mark}'], start_new_session=True, stdout=subprocess.PIPE)
child.stdout.readline().decode()`
    const { end, logs } = await runCode(session, code)
    expect({ status: end.status, logs }).toEqual({ status: 'ok', logs: "'up\\n'\n" })
    await expect.poll(() => processesWith(mark)).toEqual([])
  })

  test.each([
    ['leaves by os._exit', 'import os\nos._exit(0)'],
    ['kills itself', 'import os\nos.kill(os.getpid(), 9)'],
    ['crashes the interpreter', 'import ctypes\nctypes.string_at(0)'],
    ['closes every descriptor', 'import os\nos.closerange(0, 4096)'],
  ])('a cell that %s loses its session and nothing else', async (_what, code) => {
    const session = await openFor(driver, { ...hastyLimits, wallMs: 5000 })
    const { end } = await runCode(session, code)
    expect(end.sessionLost).toBe(true)
    expect(['crashed', 'timeout']).toContain(end.status)
    expect((await runCode(await openFor(driver), '1 + 1')).logs).toBe('2\n')
  })

  test('after a cell that closes its output, the next cell prints again', async () => {
    const session = await openFor(driver)
    await runCode(session, 'import os, sys\nsys.stdout.close()\nos.close(2)\nsys.stderr = None')
    expect((await runCode(session, "print('back')")).logs).toBe('back\n')
  })

  test('endless output is cut and does not stop the host', async () => {
    const session = await openFor(driver, patientLimits)
    const code = "import os\nchunk = b'y' * 65536\nwhile True:\n    os.write(1, chunk)"
    const { end, logs } = await runCode(session, code)
    expect(end).toEqual({ status: 'timeout', sessionLost: false })
    expect(logs.length).toBeLessThan(patientLimits.outputBytes + 500)
  })

  test('a thread that a cell has started is paused until the next cell', async () => {
    const session = await openFor(driver)
    const code = `
import threading, time
ticks = []
def tick():
    while True:
        ticks.append(time.monotonic())
        time.sleep(0.01)
threading.Thread(target=tick, daemon=True).start()
while len(ticks) < 3:
    time.sleep(0.01)`
    await runCode(session, code)
    await sleep(1000)
    const gap = `
before = len(ticks)
while len(ticks) < before + 3:
    time.sleep(0.01)
max(b - a for a, b in zip(ticks, ticks[1:])) > 0.9`
    expect((await runCode(session, gap)).logs).toBe('True\n')
  })

  test('a thread that prints endlessly does not delay the end of its cell', async () => {
    const session = await openFor(driver)
    const code =
      "import os, threading\ndef talk():\n    while True:\n        os.write(1, b'z' * 1000)\nthreading.Thread(target=talk, daemon=True).start()"
    expect((await runCode(session, code)).end.status).toBe('ok')
    expect((await runCode(session, "'next'")).end.status).toBe('ok')
  })
}

function protocolTests(driver: SandboxDriver): void {
  /** Finds the connection of the runner to the host, the second of its two sockets, and writes to it. */
  const forge = (lines: string) => `
import os, stat
def wire():
    for n in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(n).st_mode):
                yield n
        except OSError:
            pass
for n in list(wire())[-1:]:
    try:
        os.write(n, ${lines})
    except OSError:
        pass
`

  test('forged protocol lines affect only their own session', async () => {
    const session = await openFor(driver)
    const lines = [
      'not json',
      '{"type":"nonsense"}',
      '{"type":"end","cell":99,"status":"ok"}',
      '{"type":"out","cell":-1,"text":"x"}',
      '{"type":"out","cell":77,"text":"of another cell"}',
      '{"type":"image","cell":1,"png":"bm8gcG5n"}',
      '{"__proto__":{"polluted":true},"type":"ready"}',
      '[]',
    ]
    const { logs, images } = await runCode(session, forge(`b'''\n${lines.join('\n')}\n'''`) + "print('end')")
    expect(logs).toBe('end\n')
    expect(images).toEqual([])
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    expect((await runCode(session, '2 + 2')).logs).toBe('4\n')
  })

  test('an early forged end does not let the next cell see the events of this one', async () => {
    const session = await openFor(driver)
    const code =
      forge(`b'{"type":"end","cell":1,"status":"ok"}\\n'`) + "import time\ntime.sleep(0.5)\nprint('late')"
    expect((await runCode(session, code)).end.status).toBe('ok')
    expect((await runCode(session, "print('second')")).logs).toBe('second\n')
  })

  test('an endless line ends the session and does not use the memory of the host', async () => {
    const session = await openFor(driver)
    const { end } = await runCode(session, forge("b'x' * 1000 * 1000 * 40"))
    expect(end).toEqual({ status: 'crashed', sessionLost: true })
  })

  test('too many well-formed lines end the session', async () => {
    const session = await openFor(driver)
    const line = `b'{"type":"out","cell":1,"text":"' + b'f' * 60000 + b'"}\\n'`
    const { end, logs } = await runCode(session, forge(`(${line}) * 1500`))
    expect(end).toEqual({ status: 'crashed', sessionLost: true })
    expect(logs.length).toBeLessThan(200_000)
  })

  test('too many small lines end the session', async () => {
    const session = await openFor(driver)
    const line = `b'{"type":"out","cell":1,"text":"f"}\\n'`
    const { end, logs } = await runCode(session, forge(`(${line}) * 30_000`))
    expect(end).toEqual({ status: 'crashed', sessionLost: true })
    expect(logs.length).toBeLessThan(30_000)
  })
}
