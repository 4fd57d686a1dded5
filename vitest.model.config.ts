import { defineConfig } from 'vitest/config'

/** Tests with a real language model: `npm run test:model`, which fetches it first. */
export default defineConfig({
  test: {
    include: ['test/model/**/*.test.ts'],
    pool: 'forks',
    globalSetup: ['test/harness/global-setup.ts'],
    // One at a time: each of them computes on every core that there is.
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
})
