/** Field-by-field differences of two JSON values: what a person reads first. */
import type { Json, JsonObject } from '../api/types';

export interface FieldChange {
  /** Readable path: `upstream.nodes["127.0.0.1:1980"]`, empty for the whole value. */
  path: string;
  kind: 'added' | 'removed' | 'changed';
  before: Json | undefined;
  after: Json | undefined;
}

/** `null` for a whole value means that the object was absent, as in the `changes` of an event. */
export function fieldDiff(before: Json, after: Json): FieldChange[] {
  if (before === null && isObject(after)) return entriesOf(after, 'added');
  if (after === null && isObject(before)) return entriesOf(before, 'removed');
  const found: FieldChange[] = [];
  compare(before ?? undefined, after ?? undefined, '', found);
  return found;
}

function entriesOf(value: JsonObject, kind: 'added' | 'removed'): FieldChange[] {
  return Object.entries(value).map(([key, field]) => ({
    path: join('', key),
    kind,
    before: kind === 'removed' ? field : undefined,
    after: kind === 'added' ? field : undefined,
  }));
}

function compare(before: Json | undefined, after: Json | undefined, path: string, found: FieldChange[]): void {
  if (isEqual(before, after)) return;
  if (isObject(before) && isObject(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compare(before[key], after[key], join(path, key), found);
    }
    return;
  }
  if (isListOfObjects(before) && isListOfObjects(after)) {
    for (let index = 0; index < Math.max(before.length, after.length); index += 1) {
      compare(before[index], after[index], `${path}[${index}]`, found);
    }
    return;
  }
  const kind = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  found.push({ path, kind, before, after });
}

/** Lists of plain values (methods, hosts) are compared as a whole: an index says nothing about them. */
function isListOfObjects(value: Json | undefined): value is Json[] {
  return Array.isArray(value) && value.length > 0 && value.every(isObject);
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Equal as JSON; the order of an object's keys does not count. */
export function isEqual(left: Json | undefined, right: Json | undefined): boolean {
  if (left === right) return true;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, index) => isEqual(item, right[index]));
  }
  if (isObject(left) && isObject(right)) {
    const keys = Object.keys(left);
    return (
      keys.length === Object.keys(right).length &&
      keys.every((key) => Object.hasOwn(right, key) && isEqual(left[key], right[key]))
    );
  }
  return false;
}

function join(path: string, key: string): string {
  if (!/^[A-Za-z_][\w-]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
}
