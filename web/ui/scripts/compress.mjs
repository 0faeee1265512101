// Writes .br and .gz beside every text file of dist/ and checks the size budget:
// JS + CSS at most 240 KB gzip in all, at most 60 KB for the first page (login).
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url).pathname;
const TOTAL_BUDGET = 240 * 1024;
const FIRST_PAGE_BUDGET = 60 * 1024;

function* walk(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* walk(path);
    else yield path;
  }
}

const gzipSize = new Map();
for (const path of [...walk(dist)]) {
  if (!/\.(js|css|html|svg|json|txt)$/.test(path)) continue;
  const body = readFileSync(path);
  const gz = gzipSync(body, { level: 9 });
  const br = brotliCompressSync(body, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: body.length },
  });
  if (gz.length < body.length) writeFileSync(`${path}.gz`, gz);
  if (br.length < body.length) writeFileSync(`${path}.br`, br);
  gzipSize.set(relative(dist, path), gz.length);
}

const code = [...gzipSize].filter(([name]) => /\.(js|css)$/.test(name));
const total = code.reduce((sum, [, size]) => sum + size, 0);

// The first page is the entry, what it imports statically, the English texts before the log-in and the login page.
const html = readFileSync(join(dist, 'index.html'), 'utf8');
const first = new Set([...html.matchAll(/(?:src|href)="\/(assets\/[^"]+\.(?:js|css))"/g)].map((m) => m[1]));
for (const [name] of code) if (/^assets\/(_messages_en-door|LoginPage|AuthFrame|Field)-/.test(name)) first.add(name);
for (const name of first) {
  if (!name.endsWith('.js')) continue;
  const source = readFileSync(join(dist, name), 'utf8');
  for (const m of source.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) first.add(`assets/${m[1]}`);
}
const firstPage = [...first].reduce((sum, name) => sum + (gzipSize.get(name) ?? 0), 0);

const kb = (n) => `${(n / 1024).toFixed(1)} KB`;
for (const [name, size] of code.sort((a, b) => b[1] - a[1])) console.log(`${kb(size).padStart(9)}  ${name}`);
console.log(`JS + CSS gzip: ${kb(total)} of ${kb(TOTAL_BUDGET)}; first page ${kb(firstPage)} of ${kb(FIRST_PAGE_BUDGET)}`);
if (total > TOTAL_BUDGET || firstPage > FIRST_PAGE_BUDGET) {
  console.error('over the size budget');
  process.exit(1);
}
