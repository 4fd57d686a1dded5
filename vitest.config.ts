import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

/** What kills processes for long, attacks sandboxes, fuzzes or downloads: `npm run test:slow`. */
const slow = [
  'test/crash/**/*.test.ts',
  'test/embedded-postgres/**/*.test.ts',
  'test/fuzz/**/*.test.ts',
  'test/ingest/recovery.test.ts',
  'test/runs/{crash-points,recovery}.test.ts',
  'test/sandbox/{bwrap,deno,landlock,wheels}*.test.ts',
]

/** Suites with a configuration or a script of their own. */
const separate = ['test/compat/**', 'test/console/**', 'test/model/**', 'node_modules/**']

/** Child processes of the server run compiled code, which the global setup makes. */
const scriptBeside = resolve(import.meta.dirname, 'test/harness/script-beside.ts')

export default defineConfig({
  test: {
    pool: 'forks',
    // Most tests wait for a process or a socket, so that every core can have a file.
    maxWorkers: '100%',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // A condition is waited for as long as a busy machine may need; it is met at once otherwise.
    expect: { poll: { timeout: 30_000, interval: 20 } },
    projects: [
      // Files share a process, which loads the sources once: nothing in src/ has state of its own.
      project('main', ['src/**/*.test.ts', 'test/**/*.test.ts'], [...separate, ...slow], false),
      project('slow', slow, separate, true),
    ],
  },
})

function project(name: string, include: string[], exclude: string[], isolate: boolean) {
  return {
    extends: true as const,
    resolve: { alias: [{ find: /^.*\/util\/script-beside\.ts$/, replacement: scriptBeside }] },
    test: { name, include, exclude, isolate, globalSetup: ['test/harness/global-setup.ts'] },
  }
}
