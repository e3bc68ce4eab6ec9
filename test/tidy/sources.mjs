// The source files verify looks at, read and parsed once.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { parseAst } from 'vite';

export const root = join(import.meta.dirname, '..', '..');
const FOLDERS = ['apps', 'libs', 'test', 'examples', 'docs', '.ci'];
const SKIPPED = new Set(['node_modules', 'dist']);

/** Every file of ours as { path, text, ast }; path from the root, with slashes. `ast` is made when first asked for. */
export function readSources() {
  return FOLDERS.filter((folder) => existsSync(join(root, folder))).flatMap((folder) => filesBelow(join(root, folder))).map((file) => source(relative(root, file).split(sep).join('/'), readFileSync(file, 'utf8')));
}

export function source(path, text) {
  let ast;
  return {
    path,
    text,
    get ast() {
      return (ast ??= parseAst(text, { lang: path.endsWith('.mjs') || path.endsWith('.js') ? 'js' : path.endsWith('.tsx') ? 'tsx' : 'ts' }, path));
    },
  };
}

export function isTypeScript({ path }) {
  return /\.tsx?$/.test(path) && !path.endsWith('.d.ts');
}

/** Tests and what serves only them. */
export function isTestCode(path) {
  return path.startsWith('test/') || /\.(spec|bench|conformance)\.ts$/.test(path) || /\/(testing|simulator)\//.test(path);
}

/** Calls `visit(node, parent)` for every node. */
export function walk(node, visit, parent = null) {
  if (node === null || typeof node !== 'object') return;
  if (Array.isArray(node)) {
    for (const one of node) walk(one, visit, parent);
    return;
  }
  if (typeof node.type !== 'string') return;
  visit(node, parent);
  for (const [key, value] of Object.entries(node)) if (key !== 'type' && typeof value === 'object') walk(value, visit, node);
}

/** Written by a tool: part of the import graph, not of the rules for what people write. */
export function isGenerated({ path }) {
  return path.includes('/generated/');
}

export function lineOf(text, offset) {
  return text.slice(0, offset).split('\n').length;
}

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return /\.(tsx?|mjs|js|sql|md|sh|yaml|yml|json|proto)$/.test(entry.name) || entry.name === 'run' ? [path] : [];
  });
}
