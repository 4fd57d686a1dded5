import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

/** Tests that kill processes, attack sandboxes, fuzz or download: `npm run test:slow`. */
const slow = [
  'test/crash/**/*.test.ts',
  'test/embedded-postgres/**/*.test.ts',
  'test/fuzz/**/*.test.ts',
  'test/ingest/recovery.test.ts',
  'test/processes/{cluster,outages,two-processes}.test.ts',
  'test/runs/{crash-points,recovery}.test.ts',
  'test/sandbox/{bwrap,deno,landlock,wheels}*.test.ts',
  'test/transfer/{command,pull-command}.test.ts',
]

/** Suites with a configuration or a script of their own. */
const separate = ['test/compat/**', 'test/console/**', 'test/model/**', 'node_modules/**']

/** Child processes of the server run compiled code, which the global setup makes. */
const scriptBeside = resolve(import.meta.dirname, 'test/harness/script-beside.ts')

export default defineConfig({
  test: {
    pool: 'forks',
    // Most tests wait for a process or a socket, so every core can run a file.
    maxWorkers: '100%',
    // Limits for a machine that is slow and busy. No test waits for them to pass.
    testTimeout: 120_000,
    hookTimeout: 240_000,
    expect: { poll: { timeout: 60_000, interval: 20 } },
    projects: [
      // Files share a process, which loads the sources once: nothing in src/ has state of its own.
      project('main', {
        include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
        exclude: [...separate, ...slow],
        isolate: false,
      }),
      project('slow', { include: slow, exclude: separate, testTimeout: 240_000 }),
    ],
  },
})

function project(
  name: string,
  options: { include: string[]; exclude: string[]; isolate?: boolean; testTimeout?: number },
) {
  return {
    extends: true as const,
    resolve: { alias: [{ find: /^.*\/util\/script-beside\.ts$/, replacement: scriptBeside }] },
    test: { name, ...options, globalSetup: ['test/harness/global-setup.ts'] },
  }
}
