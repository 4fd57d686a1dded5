import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readCommandLine, UsageError } from '../../src/cli/command-line.ts'
import { runMain } from './run-main.ts'

describe('npm start --', () => {
  test('--help prints the usage and starts nothing', async () => {
    const { code, stdout, stderr } = await runMain(['--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^Usage: spool \[command\] \[options\]/)
  })

  test('--version prints the version and starts nothing', async () => {
    const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
    const { version } = JSON.parse(manifest) as { version: string }
    expect(await runMain(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  })

  test('an unknown option ends with a sentence and an exit code', async () => {
    expect(await runMain(['--prot', '9000'])).toEqual({
      code: 2,
      stdout: '',
      stderr: 'There is no option --prot. Did you mean --port?\n',
    })
  })
})

test('options set their environment variables', () => {
  expect(readCommandLine([])).toEqual({ command: 'serve', args: [], flags: {}, options: {} })
  expect(readCommandLine(['serve', '--port', '9000', '--host=::1', '--data-dir', 'here'])).toEqual({
    command: 'serve',
    args: [],
    flags: { PORT: '9000', HOST: '::1', SPOOL_DATA_DIR: 'here' },
    options: {},
  })
  expect(readCommandLine(['import', '--dry-run', 'all.zip', '--project', 'team'])).toMatchObject({
    args: ['all.zip'],
    options: { 'dry-run': true, project: 'team' },
  })
  expect(readCommandLine(['backup', 'all.tar.gz', '--data-dir', 'here'])).toMatchObject({
    command: 'backup',
    args: ['all.tar.gz'],
  })
  expect(readCommandLine(['models', 'test'])).toMatchObject({ command: 'models', args: ['test'] })
  expect(readCommandLine(['-v'])).toEqual({ command: 'version' })
})

test('each command has its own help text', () => {
  expect(readCommandLine(['-h', '--port', '1'])).toMatchObject({ command: 'help' })
  expect(readCommandLine(['help', 'backup'])).toEqual(readCommandLine(['backup', '--help']))
  expect(readCommandLine(['help'])).toEqual(readCommandLine(['--help']))
  const { text } = readCommandLine(['backup', '--help']) as { text: string }
  expect(text).toMatch(/^Usage: spool backup FILE \[options\]/)
})

test.each([
  [['--api-key', 'x'], 'There is no option --api-key. --help lists all of them.'],
  [['-x'], 'There is no option -x. --help lists all of them.'],
  [['--port'], 'The option --port needs a value'],
  [['--port='], 'The option --port needs a value'],
  [['srve'], "There is no command 'srve'. Did you mean serve?"],
  [['help', 'srve'], "There is no command 'srve'. Did you mean serve?"],
  [['serve', 'now'], "The command 'serve' takes no argument 'now'."],
  [['backup'], "The command 'backup' needs FILE: spool backup FILE"],
  [['models', 'lst'], "The command 'models' has no 'lst'. Did you mean models list?"],
  [['config'], "The command 'config' needs check|print"],
  [['import', 'x', '--files'], 'The option --files needs a value: --files FOLDER.'],
  [['backup', 'x', '--files', 'y'], "The command 'backup' has no option --files."],
  [['srve', '--help'], "There is no command 'srve'. Did you mean serve?"],
])('%j is refused', (args, message) => {
  expect(() => readCommandLine(args)).toThrow(UsageError)
  expect(() => readCommandLine(args)).toThrow(message)
})
