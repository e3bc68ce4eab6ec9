// Rules of the house about what stands in a file. Each returns violations as { rule, file, line, what }.
import { isGenerated, isTestCode, isTypeScript, lineOf, walk } from './sources.mjs';

const PURE = /^libs\/(engine|vocabulary)\/src\//;
/** Names that bring time, chance or the world in. */
const IMPURE_NAMES = new Set(['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'process', 'console', 'fetch', 'performance', 'crypto', 'localStorage']);
const IMPURE_MEMBERS = new Set(['Date.now', 'Math.random']);

/** Homes of SQL: persistence by design; the kits make and start databases. */
const SQL_ALLOWED = /^(libs\/(persistence|test-services|embedded-postgres)|test|examples|docs)\//;
const SQL = /^\s*(--.*\n\s*)*(select\s[\s\S]+\sfrom\s|insert\s+into\s|update\s+[\w".]+\s+set\s|delete\s+from\s|with\s+(recursive\s+)?\w+\s+as\s*\(|(create|alter|drop)\s+(unique\s+)?(table|index|view|type|function|trigger|database|schema|sequence)\s|truncate\s|lock\s+table\s)/i;

/** Spelt in two parts, so that this list is not its own first catch. */
const LEFTOVERS = ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'];
const LEFTOVER_WORDS = ['st' + 'ub', 'place' + 'holder', 'not ' + 'implemented', 'lorem ' + 'ipsum'];
const LEFTOVER = new RegExp(String.raw`\b(${LEFTOVERS.join('|')})\b|\b(?:${LEFTOVER_WORDS.join('|')})s?\b`);

export function sourceViolations(sources) {
  return sources.filter((one) => !isGenerated(one)).flatMap((one) => [...impurities(one), ...sqlStrings(one), ...leftovers(one), ...sleepsInSpecs(one)]);
}

function impurities(one) {
  if (!PURE.test(one.path) || !isTypeScript(one) || isTestCode(one.path)) return [];
  const found = [];
  const add = (node, what) => found.push({ rule: 'engine-is-pure', file: one.path, line: lineOf(one.text, node.start), what: `${what}: engine and vocabulary decide from their arguments alone; take the time, the chance or the result as one` });
  walk(one.ast, (node, parent) => {
    if (node.type === 'AwaitExpression') add(node, 'await');
    if (node.type === 'MemberExpression' && IMPURE_MEMBERS.has(`${node.object.name}.${node.property.name}`)) add(node, `${node.object.name}.${node.property.name}`);
    if (node.type === 'NewExpression' && node.callee.name === 'Date' && node.arguments.length === 0) add(node, 'new Date()');
    if (node.type === 'CallExpression' && node.callee.name === 'Date') add(node, 'Date()');
    const isUse = (parent?.type === 'MemberExpression' && parent.object === node) || (parent?.type === 'CallExpression' && parent.callee === node);
    if (node.type === 'Identifier' && isUse && IMPURE_NAMES.has(node.name)) add(node, node.name);
  });
  return found;
}

function sqlStrings(one) {
  if (SQL_ALLOWED.test(one.path) || isTestCode(one.path)) return [];
  const what = 'SQL outside libs/persistence: give it a name and a file in persistence/src/<subject>/sql/';
  if (one.path.endsWith('.sql')) return [{ rule: 'sql-in-persistence', file: one.path, line: 1, what }];
  if (!isTypeScript(one)) return [];
  const found = [];
  walk(one.ast, (node) => {
    const text = node.type === 'Literal' ? node.value : node.type === 'TemplateLiteral' ? node.quasis.map((quasi) => quasi.value.cooked).join(' x ') : null;
    if (typeof text === 'string' && SQL.test(text)) found.push({ rule: 'sql-in-persistence', file: one.path, line: lineOf(one.text, node.start), what });
  });
  return found;
}

function leftovers(one) {
  // The document format of others and words people read may say "…holder" of an input field.
  if (/\.(json|proto)$/.test(one.path) || one.path.startsWith('apps/web/') || one.path.endsWith('openapi-v2.yaml')) return [];
  return one.text.split('\n').flatMap((line, index) => {
    const match = LEFTOVER.exec(line);
    return match === null ? [] : [{ rule: 'no-leftover', file: one.path, line: index + 1, what: `"${match[0]}": finish it, or open an issue and take the word out` }];
  });
}

function sleepsInSpecs(one) {
  if (!one.path.endsWith('.spec.ts') || !/\bsleep\b|setTimeout/.test(one.text)) return [];
  const found = [];
  walk(one.ast, (node, parent) => {
    const timed = node.type === 'AwaitExpression' && node.argument.type === 'CallExpression' && ['sleep', 'delay', 'setTimeout'].includes(node.argument.callee.name);
    const promised = node.type === 'CallExpression' && node.callee.name === 'setTimeout' && parent?.type === 'ArrowFunctionExpression' && node.arguments[0]?.name?.startsWith('res');
    if (timed || promised) found.push({ rule: 'no-sleep-in-specs', file: one.path, line: lineOf(one.text, node.start), what: 'a fixed sleep: wait for the thing itself (waitFor of @millrace/test-services, a signal, a fake clock)' });
  });
  return found;
}
