import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vitest/config'

// The result is embedded in the binary, see ../island.go, which finds the files by the manifest.
export default defineConfig({
  plugins: [svelte()],
  base: '/assets/',
  build: {
    outDir: '../assets/built',
    emptyOutDir: true,
    assetsDir: '.',
    manifest: 'manifest.json',
    target: 'es2022',
    modulePreload: { polyfill: false },
    rolldownOptions: { input: 'src/main.ts' },
  },
  test: { include: ['src/**/*.test.ts'] },
})
