import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['test/compat/**', 'test/console/**', 'test/model/**', 'node_modules/**'],
    pool: 'forks',
    globalSetup: ['test/harness/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // A condition is waited for as long as a busy machine may need; it is met at once otherwise.
    expect: { poll: { timeout: 30_000, interval: 20 } },
  },
})
