import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const outDir = path.resolve(import.meta.dirname, '../build/web');

export default defineConfig({
  root: import.meta.dirname,
  // Relative, so that the page also works below a path that a proxy puts before it.
  base: './',
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2022',
    // Every icon is a file: the page's policy allows no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // xterm.js alone is that large; what is sent is a fifth of it.
    chunkSizeWarningLimit: 800,
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [compress()],
});

/** Compresses once what would otherwise be compressed for each visitor, or not at all. */
function compress(): Plugin {
  return {
    name: 'compress',
    apply: 'build',
    closeBundle() {
      const names = readdirSync(outDir, { recursive: true, encoding: 'utf8' });
      const files = names.filter((name) => /\.(html|js|css|svg)$/.test(name));
      for (const file of files.map((name) => path.join(outDir, name))) {
        const content = readFileSync(file);
        // The levels above it take seconds to save a tenth.
        const options = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
        writeFileSync(`${file}.br`, brotliCompressSync(content, options));
        writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
      }
    },
  };
}
