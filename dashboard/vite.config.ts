import { tanstackRouter } from '@tanstack/router-plugin/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// `npm run dev` serves the pages itself and hands /api to a running control plane,
// whose certificate comes from its own internal CA (hence `secure: false`).
const controlPlane = process.env['PORTOLAN_DEV_SERVER'] ?? 'https://127.0.0.1:7443';

export default defineConfig({
  base: '/',
  plugins: [
    tanstackRouter({
      target: 'react',
      // One bundle: who looks at a page while the control plane goes away must still be able to open the others.
      autoCodeSplitting: false,
      routeFileIgnorePattern: '\\.test\\.|\\.module\\.css$',
      quoteStyle: 'single',
      semicolons: true,
    }),
    react(),
  ],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    // Everything is a file of its own: a strict Content-Security-Policy needs no `data:` fonts or scripts.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1000,
  },
  server: { proxy: { '/api': { target: controlPlane, secure: false, changeOrigin: true } } },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.{ts,tsx}'],
    restoreMocks: true,
    unstubGlobals: true,
  },
});
