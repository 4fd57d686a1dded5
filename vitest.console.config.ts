import { defineConfig } from 'vitest/config'

/** Tests of the console in a real browser: `npm run test:console`, which finds one and builds the console first. */
export default defineConfig({
  test: {
    include: ['test/console/**/*.test.ts'],
    pool: 'forks',
    globalSetup: ['test/harness/global-setup.ts'],
    // One browser at a time.
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 30_000, interval: 50 } },
  },
})
