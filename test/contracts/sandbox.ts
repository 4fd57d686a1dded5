/** What every sandbox driver must do, as a user of the code interpreter sees it. */
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { afterAll, describe, expect, test } from 'vitest'
import { notebookTests } from './sandbox-notebook.ts'
import type { SandboxDriver } from '../../src/sandbox/port.ts'
import {
  hastyLimits,
  openFor,
  patientLimits,
  roomyLimits,
  runCode,
  type SandboxSubject,
} from './sandbox-cells.ts'

export function sandboxContract(subject: SandboxSubject): void {
  const { driver } = subject
  describe.skipIf(subject.skip !== undefined)(`a session of the ${subject.name} sandbox`, () => {
    afterAll(() => driver.close())

    test('passes its own self-test', async () => {
      const result = await driver.selfTest()
      expect(result).toMatchObject({ ok: true })
    })
    outputTests(driver)
    fileTests(driver)
    endTests(subject)
    figureTests(subject)
    notebookTests(subject)
  })
}

function outputTests(driver: SandboxDriver): void {
  test('variables, functions and imports are kept from cell to cell', async () => {
    const session = await openFor(driver)
    await runCode(session, 'import math\nx = 20\ndef double(n):\n    return 2 * n')
    const { logs, end } = await runCode(session, 'print(double(x) + math.floor(2.5))')
    expect(logs).toBe('42\n')
    expect(end).toEqual({ status: 'ok', sessionLost: false })
  })

  test('the value of the last expression is shown, unless it is None or ends in a semicolon', async () => {
    const session = await openFor(driver)
    expect((await runCode(session, "1\n'two'")).logs).toBe("'two'\n")
    expect((await runCode(session, 'None')).logs).toBe('')
    expect((await runCode(session, '3;')).logs).toBe('')
    expect((await runCode(session, '')).logs).toBe('')
  })

  test('stdout and stderr arrive in the order they were written', async () => {
    const session = await openFor(driver)
    const code = "import sys\nfor n in range(3):\n    print('out', n)\n    print('err', n, file=sys.stderr)"
    expect((await runCode(session, code)).logs).toBe('out 0\nerr 0\nout 1\nerr 1\nout 2\nerr 2\n')
  })

  test('a traceback names the cell and its lines, and nothing of the runner', async () => {
    const session = await openFor(driver)
    await runCode(session, 'def broken():\n    return 1 / 0')
    const { logs, end } = await runCode(session, '\nbroken()')
    expect(end).toEqual({ status: 'error', sessionLost: false })
    expect(logs).toMatch(/^Traceback \(most recent call last\):\n {2}File "<cell 2>", line 2, in <module>\n/)
    expect(logs).toContain('File "<cell 1>", line 2, in broken')
    expect(logs).toContain('return 1 / 0')
    expect(logs).toMatch(/ZeroDivisionError: division by zero\n$/)
    expect(logs).not.toContain('runner')
  })

  test('a syntax error is shown with its line', async () => {
    const session = await openFor(driver)
    const { logs, end } = await runCode(session, 'x = 1\ndef f(:\n    pass')
    expect(end.status).toBe('error')
    expect(logs).toContain('File "<cell 1>", line 2')
    expect(logs).toContain('SyntaxError')
  })

  test('a cell that prints too much keeps head and tail', async () => {
    const session = await openFor(driver)
    const { logs, end } = await runCode(session, "for n in range(200_000):\n    print('line', n)")
    expect(end.status).toBe('ok')
    expect(logs).toMatch(/^line 0\nline 1\n/)
    expect(logs).toMatch(/bytes of output left out/)
    expect(logs).toMatch(/line 199999\n$/)
    expect(logs.length).toBeLessThan(roomyLimits.outputBytes + 200)
    expect((await runCode(session, "print('next')")).logs).toBe('next\n')
  })

  test('260,000 small writes arrive as few pieces', async () => {
    const session = await openFor(driver, { ...roomyLimits, outputBytes: 262_144 })
    let pieces = 0
    let bytes = 0
    const code = "import sys\nfor _ in range(260_000):\n    sys.stdout.write('a')\n    sys.stdout.flush()"
    const { status } = await session.run(
      code,
      (event) => {
        pieces += 1
        bytes += event.type === 'logs' ? event.text.length : 0
      },
      new AbortController().signal,
    )
    expect({ status, bytes }).toEqual({ status: 'ok', bytes: 260_000 })
    // One in 50 ms, and not one for each write.
    expect(pieces).toBeLessThan(1000)
  })

  test('printed text arrives before the cell ends', async () => {
    const session = await openFor(driver)
    let seen = ''
    const stop = new AbortController()
    await session.run(
      "print('early')\nimport time\ntime.sleep(600)",
      (event) => {
        seen += event.type === 'logs' ? event.text : ''
        stop.abort()
      },
      stop.signal,
    )
    expect(seen).toContain('early')
  })

  test('one endless line is cut like any other output', async () => {
    const session = await openFor(driver)
    const { logs, end } = await runCode(session, "print('a' * 20_000_000 + 'z')")
    expect(end.status).toBe('ok')
    expect(logs.startsWith('aaaa')).toBe(true)
    expect(logs.endsWith('az\n')).toBe(true)
    expect(logs.length).toBeLessThan(roomyLimits.outputBytes + 200)
  })

  test('bytes that are not text become replacement characters', async () => {
    const session = await openFor(driver)
    const code = "import os\nos.write(1, b'a\\xff\\xfeb\\x00c\\n')\nprint('\\ud800 \\u00e9 \\U0001f600');"
    const { logs } = await runCode(session, code)
    expect(logs).toMatch(/^a\uFFFD\uFFFDb\uFFFDc\n/)
    expect(logs).toContain('é 😀')
    expect(Buffer.from(logs).toString()).toBe(logs)
  })

  test('two sessions draw different random numbers and share no variable', async () => {
    const [one, other] = [await openFor(driver), await openFor(driver)]
    await runCode(one, 'secret = 1')
    expect((await runCode(other, "'secret' in globals()")).logs).toBe('False\n')
    const draw = 'import random, uuid\nprint(random.random(), random.getrandbits(64))'
    expect((await runCode(one, draw)).logs).not.toBe((await runCode(other, draw)).logs)
  })
}

function fileTests(driver: SandboxDriver): void {
  test('an uploaded file is read under its name and its alias, and is not reported as new', async () => {
    const session = await openFor(driver)
    await session.put('file-abc', Buffer.from('a,b\n1,2\n'))
    await session.put('streamed.txt', Readable.from([Buffer.from('one '), Buffer.from('two')]))
    await session.link('file-abc', 'sales 2024.csv')
    const { logs, files } = await runCode(
      session,
      "print(open('/mnt/data/file-abc').read())\nprint(open('/mnt/data/sales 2024.csv').read())\n" +
        "print(open('streamed.txt').read())",
    )
    expect(logs).toBe('a,b\n1,2\n\na,b\n1,2\n\none two\n')
    expect(files).toEqual([])
  })

  test('new and changed files are reported once, also in folders', async () => {
    const session = await openFor(driver)
    await session.put('input.txt', Buffer.from('before'))
    const first = await runCode(
      session,
      "import os\nos.makedirs('/mnt/data/sub/deep')\nopen('/mnt/data/sub/deep/a.txt', 'w').write('hello')\n" +
        "open('/mnt/data/input.txt', 'w').write('after!')\nopen('empty', 'w').close()",
    )
    expect(first.files.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { name: 'empty', bytes: 0 },
      { name: 'input.txt', bytes: 6 },
      { name: 'sub/deep/a.txt', bytes: 5 },
    ])
    expect(await text(await session.read('sub/deep/a.txt'))).toBe('hello')
    expect(await text(await session.read('input.txt'))).toBe('after!')
    expect(await text(await session.read('empty'))).toBe('')
    expect((await runCode(session, 'pass')).files).toEqual([])
    const again = await runCode(session, "open('/mnt/data/sub/deep/a.txt', 'a').write('x')")
    expect(again.files).toEqual([{ name: 'sub/deep/a.txt', bytes: 6 }])
  })

  test('a file larger than a megabyte arrives byte for byte both ways', async () => {
    const session = await openFor(driver)
    const sent = Buffer.from(Array.from({ length: 3_000_001 }, (_, at) => (at * 7919) % 251))
    await session.put('big.bin', sent)
    const { files } = await runCode(
      session,
      "open('copy.bin', 'wb').write(open('big.bin', 'rb').read()[::-1])",
    )
    expect(files).toEqual([{ name: 'copy.bin', bytes: sent.length }])
    expect((await buffer(await session.read('copy.bin'))).equals(sent.toReversed())).toBe(true)
  })

  test('two files can be read at once, and a cell may run before they are read to their end', async () => {
    const session = await openFor(driver)
    const code = "for n in 'ab':\n    open(n, 'wb').write(n.encode() * 2_000_000)"
    await runCode(session, code)
    const [one, other] = [await session.read('a'), await session.read('b')]
    expect((await runCode(session, '1')).logs).toBe('1\n')
    const read = await Promise.all([text(one), text(other)])
    expect(read.map((content) => [content.length, content[0]])).toEqual([
      [2_000_000, 'a'],
      [2_000_000, 'b'],
    ])
  })

  test('of too many files the first are reported and the others are counted', async () => {
    const session = await openFor(driver)
    const { files, logs } = await runCode(
      session,
      "for n in range(8):\n    open(f'/mnt/data/{n}.txt', 'w').write('x')",
    )
    expect(files).toHaveLength(roomyLimits.files)
    expect(logs).toContain('3 more files')
  })

  test.each([
    ['full', "open(name, 'wb').write(bytes(9 * 1024 * 1024))"],
    ['sparse', "open(name, 'wb').truncate(9 * 1024 * 1024)"],
  ])('%s files are reported until their total length exceeds the limit', async (_kind, write) => {
    const session = await openFor(driver)
    const { files, logs } = await runCode(session, `for name in 'abcd':\n    ${write}`)
    expect(files.map(({ name }) => name)).toEqual(['a', 'b'])
    expect(logs).toContain('2 more files')
    // A small file still fits.
    expect((await runCode(session, "open('e', 'w').write('x');")).files).toEqual([{ name: 'e', bytes: 1 }])
  })

  test('links are not reported and are not followed', async () => {
    const session = await openFor(driver)
    const { files } = await runCode(
      session,
      "import os\nos.symlink('/etc/passwd', '/mnt/data/passwd')\nos.symlink('/etc', '/mnt/data/etc')\n" +
        "open('/mnt/data/real.txt', 'w').write('x');",
    )
    expect(files).toEqual([{ name: 'real.txt', bytes: 1 }])
    await expect(session.read('passwd')).rejects.toThrow(/ELOOP|regular/)
    await expect(session.read('etc/passwd')).rejects.toThrow(/ELOOP|ENOTDIR|regular/)
    await expect(session.read('../real.txt')).rejects.toThrow('plain name')
    await expect(session.read('missing')).rejects.toThrow(/ENOENT|regular/)
  })

  test('a link with the name of an uploaded file is replaced and not followed', async () => {
    const session = await openFor(driver)
    await runCode(session, "import os\nopen('victim', 'w').write('safe')\nos.symlink('victim', 'upload')")
    await session.put('upload', Buffer.from('new'))
    expect((await runCode(session, "print(open('victim').read(), open('upload').read())")).logs).toBe(
      'safe new\n',
    )
  })

  test('names with slashes are refused', async () => {
    const session = await openFor(driver)
    for (const name of ['../x', 'a/b', '..', '.', '', 'nul\0']) {
      await expect(session.put(name, Buffer.from('x'))).rejects.toThrow('plain name')
    }
  })

  test('a file over the size limit fails in the cell with an error that can be read', async () => {
    const session = await openFor(driver)
    const { logs, end } = await runCode(
      session,
      "with open('/mnt/data/big', 'wb') as f:\n    for _ in range(40):\n        f.write(bytes(1024 * 1024))\n        f.flush()",
    )
    expect(logs).toMatch(/OSError|File too large|MiB/)
    expect(end.status).not.toBe('ok')
  })
}

function endTests({ driver }: SandboxSubject): void {
  test('a cell that loops endlessly is interrupted and its variables are kept', async () => {
    const session = await openFor(driver, patientLimits)
    const { end, logs } = await runCode(session, 'kept = 7\nwhile True:\n    pass')
    expect(end).toEqual({ status: 'timeout', sessionLost: false })
    expect(logs).toContain('TimeoutError: the cell ran longer than 4 seconds')
    expect((await runCode(session, 'kept')).logs).toBe('7\n')
  })

  test('a cell that sleeps too long is stopped', async () => {
    const session = await openFor(driver, patientLimits)
    const { end, logs } = await runCode(session, 'import time\ntime.sleep(600)')
    expect(end).toEqual({ status: 'timeout', sessionLost: false })
    expect(logs).toContain('TimeoutError')
  })

  test.for([
    ['sleeps again and again', 'import time\nwhile True:\n    time.sleep(0.05)'],
    ['awaits again and again', 'import asyncio\nwhile True:\n    await asyncio.sleep(0.01)'],
    ['awaits one long sleep', 'import asyncio\nawait asyncio.sleep(600)'],
  ])('a cell that %s is stopped, and its session goes on', async ([, code = '']) => {
    const session = await openFor(driver, patientLimits)
    await runCode(session, 'kept = 7')
    expect((await runCode(session, code)).end).toEqual({ status: 'timeout', sessionLost: false })
    expect((await runCode(session, 'kept')).logs).toBe('7\n')
  })

  test('a cell that cannot be interrupted is killed with its session', async () => {
    const session = await openFor(driver, hastyLimits)
    const { end, logs } = await runCode(session, 'sum(range(10**11))')
    expect(end).toEqual({ status: 'timeout', sessionLost: true })
    expect(logs).toContain('variables are gone')
    expect(session.isAlive()).toBe(false)
    expect((await runCode(session, '1')).end).toEqual({ status: 'crashed', sessionLost: true })
  })

  test('a cell that ignores the interrupt is killed', async () => {
    const session = await openFor(driver, hastyLimits)
    const code =
      'while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass'
    expect((await runCode(session, code)).end).toEqual({ status: 'timeout', sessionLost: true })
  })

  test('an interrupt that comes late does not hit the next cell', async () => {
    const session = await openFor(driver, patientLimits)
    await runCode(session, 'while True:\n    pass')
    for (let round = 0; round < 5; round += 1) {
      expect((await runCode(session, 'sum(range(100_000))')).end.status).toBe('ok')
    }
  })

  test('a cancelled cell ends as cancelled, before it starts and in the middle', async () => {
    const session = await openFor(driver)
    expect((await runCode(session, 'ran = True', AbortSignal.abort())).end.status).toBe('cancelled')
    expect((await runCode(session, "'ran' in globals()")).logs).toBe('False\n')
    const abort = new AbortController()
    const going = session.run(
      "print('going', flush=True)\nwhile True:\n    pass",
      (event) => event.type === 'logs' && event.text.includes('going') && abort.abort(),
      abort.signal,
    )
    expect((await going).status).toBe('cancelled')
  })

  test('too much memory is an error in the cell, and the session is kept', async () => {
    const session = await openFor(driver)
    const { end, logs } = await runCode(
      session,
      'kept = 1\nhog = [bytearray(50_000_000) for _ in range(100)]',
    )
    expect(logs).toContain('MemoryError')
    expect(end).toEqual({ status: 'error', sessionLost: false })
    expect((await runCode(session, 'kept')).logs).toBe('1\n')
  })

  test('exit() is not an error, and the session is kept', async () => {
    const session = await openFor(driver)
    await runCode(session, 'x = 1')
    expect((await runCode(session, 'import sys\nsys.exit(3)')).end).toEqual({
      status: 'ok',
      sessionLost: false,
    })
    expect((await runCode(session, 'x')).logs).toBe('1\n')
  })

  test('endless recursion is an error in the cell', async () => {
    const session = await openFor(driver)
    const { end, logs } = await runCode(session, 'def f():\n    return f()\nf()')
    expect(logs).toContain('RecursionError')
    expect(end).toEqual({ status: 'error', sessionLost: false })
  })

  test('closing twice is safe, and a closed session runs nothing', async () => {
    const session = await driver.open(roomyLimits)
    await Promise.all([session.close(), session.close()])
    await session.close()
    expect(session.isAlive()).toBe(false)
    expect((await runCode(session, '1')).end.sessionLost).toBe(true)
  })
}

function figureTests({ driver, matplotlib }: SandboxSubject): void {
  describe.skipIf(!matplotlib)('with matplotlib', () => {
    const draw = 'import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\n'

    test('plt.show() sends the figure between what was printed before and after', async () => {
      const session = await openFor(driver)
      const order: string[] = []
      await session.run(
        `${draw}print('before')\nplt.show()\nprint('after')`,
        (event) => order.push(event.type === 'logs' ? event.text.trim() : event.type),
        new AbortController().signal,
      )
      expect(order).toEqual(['before', 'image', 'after'])
    })

    test('an open figure is sent at the end of the cell, once, and is a PNG', async () => {
      const session = await openFor(driver)
      const { images, logs } = await runCode(session, `${draw.trim()};`)
      expect(images).toHaveLength(1)
      expect(images[0]?.subarray(1, 4).toString()).toBe('PNG')
      expect(logs).toBe('')
      expect((await runCode(session, '1')).images).toEqual([])
    })

    test('a cell that chooses another back end gets its figures too', async () => {
      const session = await openFor(driver)
      const { images } = await runCode(session, `import matplotlib\nmatplotlib.use('Agg')\n${draw}plt.show()`)
      expect(images).toHaveLength(1)
    })

    test('of too many figures the first are sent, and the output says so', async () => {
      const session = await openFor(driver)
      const code =
        'import matplotlib.pyplot as plt\nfor _ in range(5):\n    plt.figure()\n    plt.plot([1])\n    plt.show()'
      const { images, logs } = await runCode(session, code)
      expect(images).toHaveLength(roomyLimits.images)
      expect(logs).toContain('only the first 3 figures')
    })
  })
}
