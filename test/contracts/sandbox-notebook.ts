/** Cells as models write them, who know Python from notebooks: the same in every driver. */
import { expect, test } from 'vitest'
import { openFor, patientLimits, runCode, type SandboxSubject } from './sandbox-cells.ts'

/** A PNG of one pixel. */
const pixel = `import base64
png = base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==')
`

export function notebookTests(subject: SandboxSubject): void {
  lineTests(subject)
  awaitTests(subject)
  displayTests(subject)
}

function lineTests({ driver, name }: SandboxSubject): void {
  const hasPrograms = name !== 'deno'

  test('lines with % that only set up a notebook change nothing', async () => {
    const session = await openFor(driver)
    const code = '%matplotlib inline\n%load_ext autoreload\n%autoreload 2\nx = 6\nx * 7'
    expect(await runCode(session, code)).toMatchObject({ logs: '42\n', end: { status: 'ok' } })
    const converted = "get_ipython().run_line_magic('matplotlib', 'inline')\nx"
    expect((await runCode(session, converted)).logs).toBe('6\n')
  })

  test('valid Python that looks like a notebook line is not changed', async () => {
    const session = await openFor(driver)
    const code = 'text = """\n!ls\n%time\nfoo?\n"""\nrest = (7\n% 4)\nprint(rest, text)'
    expect((await runCode(session, code)).logs).toBe('3 \n!ls\n%time\nfoo?\n\n')
  })

  test.each([
    '!pip install no-such-package',
    '%pip install no-such-package',
    '!pip3 install -q no-such-package',
  ])('%s says that there is no network, and the rest of the cell runs', async (line) => {
    const session = await openFor(driver)
    const { logs, end } = await runCode(session, `${line}\nprint('went on')`)
    expect(logs).toMatch(/^no-such-package is not installed.*no network.*\nwent on\n$/)
    expect(end.status).toBe('ok')
  })

  test('a shell line runs in the sandbox, or says why it cannot', async () => {
    const session = await openFor(driver)
    const code =
      "open('a.txt', 'w').write('x')\nname = 'a'\nfor _ in range(2):\n    !ls {name}.txt | tr a-z A-Z"
    const { logs } = await runCode(session, code)
    if (hasPrograms) expect(logs).toBe('A.TXT\nA.TXT\n')
    else expect(logs).toContain('Shell commands cannot run in this sandbox. Use Python')
  })

  test.runIf(hasPrograms)(
    'the output of a shell line can be assigned, and a line may be continued',
    async () => {
      const session = await openFor(driver)
      expect((await runCode(session, "files = !printf 'a\\nb'\nfiles")).logs).toBe("['a', 'b']\n")
      expect((await runCode(session, '!printf one; \\\nprintf two\nprint()')).logs).toBe('onetwo\n')
      expect((await runCode(session, '%%bash\nprintf one\nprintf two')).logs).toBe('onetwo')
    },
  )

  test('%time, %timeit, %%time, %%capture and %%writefile do what their names say', async () => {
    const session = await openFor(driver)
    expect((await runCode(session, '%time 6 * 7')).logs).toMatch(/^Wall time: \S+ s\n42\n$/)
    expect((await runCode(session, '%timeit -n 2 -r 1 6 * 7')).logs).toMatch(
      /s per loop \(best of 1, 2 loops/,
    )
    expect((await runCode(session, '%%time\nx = 6\nx * 7')).logs).toMatch(/^42\nWall time: \S+ s\n$/)
    expect((await runCode(session, "%%capture kept\nprint('quiet')\n5")).logs).toBe('')
    expect((await runCode(session, 'kept.stdout')).logs).toBe("'quiet\\n'\n")
    const { files } = await runCode(session, '%%writefile note.txt\nhello')
    expect(files).toEqual([{ name: 'note.txt', bytes: 5 }])
  })

  test('a line with ? shows what help there is', async () => {
    const session = await openFor(driver)
    await runCode(session, 'def area(r):\n    "Area of a circle."')
    for (const line of ['area?', '?area', 'area??']) {
      expect((await runCode(session, line)).logs).toMatch(/^area\(r\)\n.*Area of a circle\./s)
    }
  })

  test('the errors of an unknown magic and of code after a magic name the original line', async () => {
    const session = await openFor(driver)
    const unknown = await runCode(session, 'x = 1\n%sql select 1')
    expect(unknown.logs).toContain('line 2, in <module>\n    %sql select 1')
    expect(unknown.logs).toContain('The line magic %sql does not exist here. Write it as Python.')
    const behind = await runCode(session, '%%time\n\n1 / 0')
    expect(behind.logs).toContain('line 3, in <module>')
    expect((await runCode(session, '%matplotlib inline\ndef f(:')).logs).toContain('line 2\n')
  })
}

function awaitTests({ driver }: SandboxSubject): void {
  test('await works at the top level, and asyncio.run as in a script', async () => {
    const session = await openFor(driver)
    const code =
      'import asyncio\nasync def f(n):\n    await asyncio.sleep(0.01)\n    return n\nx = await f(5)\nawait f(x)'
    expect((await runCode(session, code)).logs).toBe('5\n')
    expect((await runCode(session, 'sum(await asyncio.gather(f(1), f(2)))')).logs).toBe('3\n')
    expect((await runCode(session, 'asyncio.run(f(7))')).logs).toBe('7\n')
    expect((await runCode(session, 'await f(1 / 0)')).logs).toContain('ZeroDivisionError')
  })

  test('a cell that waits too long is interrupted, and its variables are kept', async () => {
    const session = await openFor(driver, patientLimits)
    const { end } = await runCode(session, 'import asyncio\nkept = 7\nawait asyncio.sleep(600)')
    expect(end).toEqual({ status: 'timeout', sessionLost: false })
    expect((await runCode(session, 'await asyncio.sleep(0)\nkept')).logs).toBe('7\n')
  })

  test('a value that takes too long to show is interrupted, and the variables are kept', async () => {
    const session = await openFor(driver, patientLimits)
    // Each level doubles the work, and no line of the cell runs while the value is shown.
    const value = 'x = Namespace()\nfor _ in range(64):\n    x = Namespace(a=x, b=x)\nx'
    const { end } = await runCode(session, `from argparse import Namespace\nkept = 7\n${value}`)
    expect(end).toEqual({ status: 'timeout', sessionLost: false })
    expect((await runCode(session, 'kept')).logs).toBe('7\n')
  })
}

function displayTests({ driver, matplotlib }: SandboxSubject): void {
  test('IPython.display shows images as images and everything else as text', async () => {
    const session = await openFor(driver)
    const code = `from IPython.display import display, Image, HTML, Markdown
${pixel}open('pixel.png', 'wb').write(png)
display(Image('pixel.png'), Image(data=png), HTML('<b>bold</b>'), 5)
Markdown('# Title')`
    const { images, logs } = await runCode(session, code)
    expect(images).toHaveLength(2)
    expect(logs).toBe('<b>bold</b>\n5\n# Title\n')
  })

  test('a last value that offers a PNG of itself is shown as an image, others as text', async () => {
    const session = await openFor(driver)
    await runCode(session, `${pixel}class Picture:\n    def _repr_png_(self):\n        return png`)
    expect(await runCode(session, 'Picture()')).toMatchObject({ logs: '', images: [expect.anything()] })
    expect(await runCode(session, 'Picture')).toMatchObject({
      logs: "<class '__main__.Picture'>\n",
      images: [],
    })
    const markup = 'class Table:\n    def _repr_html_(self):\n        return "<table>"\nTable()'
    expect((await runCode(session, markup)).logs).toBe('<table>\n')
  })

  test.skipIf(!matplotlib)('a figure that is displayed, or is the last value, is shown once', async () => {
    const session = await openFor(driver)
    const draw = 'import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\n'
    expect(await runCode(session, `${draw}fig`)).toMatchObject({ logs: '', images: [expect.anything()] })
    expect((await runCode(session, `${draw}display(fig)`)).images).toHaveLength(1)
    expect((await runCode(session, `${draw}display(fig)\nplt.show()`)).images).toHaveLength(2)
  })

  test.skipIf(!matplotlib)('a DataFrame is shown as text, a Pillow image as an image', async () => {
    const session = await openFor(driver)
    const frame = "import pandas as pd\ndisplay(pd.DataFrame({'a': [1, 2]}))"
    expect((await runCode(session, frame)).logs).toBe('   a\n0  1\n1  2\n')
    const picture = "from PIL import Image\nImage.new('RGB', (4, 4))"
    expect(await runCode(session, picture)).toMatchObject({ logs: '', images: [expect.anything()] })
    const jpeg = `import io\nfrom IPython import display as show
data = io.BytesIO()\nImage.new('RGB', (4, 4)).save(data, 'JPEG')\nshow.Image(data=data.getvalue())`
    expect((await runCode(session, jpeg)).images[0]?.subarray(1, 4).toString()).toBe('PNG')
  })
}
