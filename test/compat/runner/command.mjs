/** Runs a program with a time limit and takes its whole process group along when it ends. */
import { spawn } from 'node:child_process'

/** What ends the programs that run when this process ends: one listener for all. */
const ends = new Set()
process.once('exit', () => ends.forEach((end) => end()))

/** Resolves with `{ ok, output, errors, reason }`; `reason` says in a few words why it is not ok. */
export async function run(command, args, { ms, cwd, env = {} }) {
  const child = spawn(command, args, {
    cwd,
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const end = () => {
    if (child.pid === undefined) return
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      // It ended by itself.
    }
  }
  ends.add(end)
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (errors += text))
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    end()
  }, ms)
  const code = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.code === 'ENOENT' ? 'is not installed' : error.message))
    child.on('close', (status, signal) => resolve(status ?? signal))
  })
  clearTimeout(timer)
  ends.delete(end)
  const last = `${output}\n${errors}`.trim().split('\n').at(-1)
  const what = isLate ? `took longer than ${ms / 1000} s` : code
  const reason = typeof what === 'number' ? `ended with ${what}: ${last}` : what
  return { ok: code === 0, output, errors, reason: `${command} ${reason}` }
}

/** The environment of this process without variables that would send an SDK to another server. */
function cleanEnvironment() {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(OPENAI|SPOOL|AZURE_OPENAI)_/.test(name)),
  )
}
