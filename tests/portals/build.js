// Builds every form into one script each, below dist/.
import { build } from 'esbuild';

await build({
  entryPoints: ['antd.jsx', 'fluent.js', 'mui.jsx', 'shoelace.js', 'ui5.js'],
  outdir: 'dist',
  bundle: true,
  minify: true,
  format: 'iife',
  jsx: 'automatic',
  loader: { '.css': 'text', '.svg': 'dataurl' },
  define: { 'process.env.NODE_ENV': '"production"' },
  logLevel: 'warning',
});
