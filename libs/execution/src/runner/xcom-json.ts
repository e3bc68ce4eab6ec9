/** Deeper values would overflow the stack of some reader later. */
const MAX_DEPTH = 500;

/** JSON text of an XCom value. Throws a TypeError that names the path of what JSON would lose or refuse. */
export function toXComJson(value: unknown, key: string): string {
  check(value, key, [], 0);
  return JSON.stringify(value);
}

function check(value: unknown, path: string, parents: object[], depth: number): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (!Number.isFinite(value)) refuse(path, `is ${value}`, 'use null or a string');
      return;
    case 'undefined':
      refuse(path, 'is undefined', 'use null');
      return;
    case 'bigint':
      refuse(path, 'is a bigint', 'use a number or a string');
      return;
    case 'function':
    case 'symbol':
      refuse(path, `is a ${typeof value}`, 'only data can be passed between tasks');
      return;
    default:
      if (value !== null) checkObject(value as object, path, parents, depth);
  }
}

function checkObject(value: object, path: string, parents: object[], depth: number): void {
  if (parents.includes(value)) refuse(path, 'refers to an object that contains it', 'break the circle');
  if (depth > MAX_DEPTH) refuse(path, `is nested more than ${MAX_DEPTH} levels deep`, 'flatten it');
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function' && !Buffer.isBuffer(value)) {
    if (value instanceof Date && Number.isNaN(value.getTime())) refuse(path, 'is an invalid Date', 'use null');
    return;
  }
  if (value instanceof Map || value instanceof Set) refuse(path, `is a ${value.constructor.name}`, 'use Object.fromEntries(map) or [...set]');
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) refuse(path, 'is binary data', 'write it to a file or store and pass its address');
  if (value instanceof Promise) refuse(path, 'is a Promise', 'await it');
  parents.push(value);
  if (Array.isArray(value)) value.forEach((item, index) => check(item, `${path}[${index}]`, parents, depth + 1));
  else {
    for (const key of Object.keys(value)) {
      const inner = (value as Record<string, unknown>)[key];
      // JSON leaves out undefined properties, which is what an optional field means.
      if (inner !== undefined) check(inner, /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`, parents, depth + 1);
    }
  }
  parents.pop();
}

function refuse(path: string, what: string, instead: string): never {
  throw new TypeError(`XCom ${path} ${what}, which JSON cannot hold: ${instead}`);
}
