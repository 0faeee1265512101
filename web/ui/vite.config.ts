import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { messages } from './scripts/messages.ts';

// The device sets `default-src 'self'`: nothing may be inlined, no `data:` URL, no preload shim.
export default defineConfig({
  plugins: [
    messages(),
    svelte({
      onwarn(warning, handler) {
        // Accessibility findings of the compiler are build errors, not remarks.
        if (warning.code.startsWith('a11y')) {
          throw new Error(`${warning.filename ?? ''}: ${warning.code}: ${warning.message}`);
        }
        handler?.(warning);
      },
    }),
  ],
  resolve: process.env.VITEST ? { conditions: ['browser'] } : undefined,
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    reportCompressedSize: false,
    // Fifty small files compress worse than one: the pages of Setting come together.
    rolldownOptions: { output: { codeSplitting: { includeDependenciesRecursively: false, groups: [{ name: 'setting', test: /src\/pages\/setting\// }] } } },
  },
  server: {
    proxy: { '/api': { target: process.env.PLATECAM_URL ?? 'http://127.0.0.1:8080', ws: true } },
  },
  test: { environment: 'jsdom', include: ['src/**/*.test.ts'] },
});
