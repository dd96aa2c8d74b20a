import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'src/**/*.test.ts',
      'test/**/*.test.ts',
      'scripts/**/*.test.ts',
      'conformance/**/*.test.ts',
      'apps/**/*.test.ts',
    ],
    // Against tests that hang; a slow machine must not make one fail.
    testTimeout: 300_000,
    // Most of what takes long waits for other processes: two processors have time for three files.
    maxWorkers: 3,
    hookTimeout: 300_000,
  },
});
