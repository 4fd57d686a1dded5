#!/usr/bin/env node
/** Loads the command line. Its modules are imported late, so that an error of their loading is reported in a sentence too. */
import { codeOf } from './util/error-code.ts'
import { messageOf } from './util/describe-error.ts'

/** A stricter umask would close folders of the server that the users of sandbox sessions must enter. */
const widestUmask = 0o066

function endWith(error: unknown): never {
  // The reader of the output has ended, as `head` does. This is not an error.
  if (codeOf(error) === 'EPIPE') process.exit(0)
  console.error(`Spool could not start. ${reasonOf(error)}`)
  process.exit(1)
}

function reasonOf(error: unknown): string {
  const message = messageOf(error)
  if (message.includes('uv_cwd')) return 'The current folder does not exist any more. Change to another one.'
  if (/out of memory/i.test(message))
    return `${message}. Node.js needs address space: try 'ulimit -v unlimited'.`
  switch (codeOf(error)) {
    case 'EMFILE':
    case 'ENFILE':
      return `Too few files may be open (${codeOf(error)}). Raise the limit: ulimit -n 1024.`
    case 'ERR_MODULE_NOT_FOUND':
      return `${message}. Install Spool again, or raise the limit of open files: ulimit -n 1024.`
    default:
      return message
  }
}

process.once('uncaughtException', endWith)
try {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19))
    throw new Error(`Node.js 20.19 or newer is needed; this is ${process.versions.node}.`)
  // Fails in a folder that was removed.
  process.cwd()
  process.umask(process.umask() & widestUmask)
  const { runCommandLine } = await import('./cli/run-command-line.ts')
  await runCommandLine()
} catch (error) {
  endWith(error)
}
