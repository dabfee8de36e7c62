import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Each embedded database takes about 550 MB and a core: two files at a time.
    pool: 'forks',
    maxWorkers: 2,
    // Files leave nothing behind in modules, so each worker loads them once: a quarter of the time.
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
