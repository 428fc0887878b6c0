import { defineConfig } from 'vitest/config';

// The end-to-end tests drive a real Chromium against a real control plane: no retries, one at a time.
export default defineConfig({
  test: {
    environment: 'node',
    include: ['e2e/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
