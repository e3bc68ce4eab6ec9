import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const api = process.env['MILLRACE_API_URL'] ?? 'http://127.0.0.1:8080';

// `npx vite apps/web` serves the sources with hot reload and passes requests on to a running api; `vite build` makes what the api serves.
// Vite reads the default export.
// oxlint-disable-next-line import/no-default-export
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [react()],
  resolve: { conditions: ['@millrace/source', 'module', 'browser', 'production'] },
  build: {
    outDir: 'dist/site',
    emptyOutDir: true,
    assetsDir: 'static',
    target: 'es2022',
    // Fonts and icons stay files: the policy allows `data:` for images only.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 2_000,
    reportCompressedSize: false,
  },
  server: { port: 5173, proxy: Object.fromEntries(['/api', '/auth'].map((path) => [path, { target: api, changeOrigin: false }])) },
});
