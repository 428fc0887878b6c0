/** Line-by-line alignment of two JSON values for the side-by-side view. */
import type { Json } from '../api/types';
import { isObject } from './fields';

export interface Row {
  kind: 'same' | 'changed' | 'removed' | 'added';
  left: { number: number; text: string } | null;
  right: { number: number; text: string } | null;
}

/** Above this many compared pairs of lines the middle part is shown unaligned; it keeps the page quick. */
const MAX_PAIRS = 4_000_000;

export function lineDiff(before: Json, after: Json): Row[] {
  return alignLines(linesOf(before), linesOf(orderLike(after, before)));
}

export function linesOf(value: Json): string[] {
  return value === null ? [] : JSON.stringify(value, null, 2).split('\n');
}

/** Gives the keys of `value` the order they have in `model`, so that a mere reordering is no difference. */
export function orderLike(value: Json, model: Json | undefined): Json {
  if (Array.isArray(value)) {
    return value.map((item, index) => orderLike(item, Array.isArray(model) ? model[index] : undefined));
  }
  if (!isObject(value)) return value;
  const known = isObject(model) ? model : {};
  const keys = [
    ...Object.keys(known).filter((key) => Object.hasOwn(value, key)),
    ...Object.keys(value).filter((key) => !Object.hasOwn(known, key)),
  ];
  return Object.fromEntries(keys.map((key) => [key, orderLike(value[key] as Json, known[key])]));
}

export function alignLines(left: string[], right: string[]): Row[] {
  let start = 0;
  while (start < left.length && start < right.length && sameLine(left[start], right[start])) start += 1;
  let end = 0;
  while (
    end < left.length - start &&
    end < right.length - start &&
    sameLine(left[left.length - 1 - end], right[right.length - 1 - end])
  ) {
    end += 1;
  }

  const rows: Row[] = [];
  const same = (l: number, r: number) => rows.push({ kind: 'same', left: cell(left, l), right: cell(right, r) });
  for (let index = 0; index < start; index += 1) same(index, index);

  const pairs = commonLines(left.slice(start, left.length - end), right.slice(start, right.length - end));
  let l = start;
  let r = start;
  for (const [pairLeft, pairRight] of pairs) {
    pushGap(rows, left, right, [l, start + pairLeft], [r, start + pairRight]);
    same(start + pairLeft, start + pairRight);
    l = start + pairLeft + 1;
    r = start + pairRight + 1;
  }
  pushGap(rows, left, right, [l, left.length - end], [r, right.length - end]);

  for (let index = end; index > 0; index -= 1) same(left.length - index, right.length - index);
  return rows;
}

/** Lines that differ stand face to face as long as both sides have one. */
function pushGap(rows: Row[], left: string[], right: string[], l: [number, number], r: [number, number]): void {
  const count = Math.max(l[1] - l[0], r[1] - r[0]);
  for (let offset = 0; offset < count; offset += 1) {
    const leftCell = l[0] + offset < l[1] ? cell(left, l[0] + offset) : null;
    const rightCell = r[0] + offset < r[1] ? cell(right, r[0] + offset) : null;
    rows.push({ kind: leftCell && rightCell ? 'changed' : leftCell ? 'removed' : 'added', left: leftCell, right: rightCell });
  }
}

function cell(lines: string[], index: number) {
  return { number: index + 1, text: lines[index] ?? '' };
}

/** A comma that came because another field follows is no difference. */
function sameLine(left: string | undefined, right: string | undefined): boolean {
  return left === right || left?.replace(/,$/, '') === right?.replace(/,$/, '');
}

/** The longest common subsequence, as pairs of indices. */
function commonLines(left: string[], right: string[]): [number, number][] {
  if (left.length * right.length > MAX_PAIRS) return [];
  const width = right.length + 1;
  const lengths = new Uint32Array((left.length + 1) * width);
  const at = (l: number, r: number) => lengths[l * width + r] ?? 0;
  for (let l = left.length - 1; l >= 0; l -= 1) {
    for (let r = right.length - 1; r >= 0; r -= 1) {
      lengths[l * width + r] = sameLine(left[l], right[r]) ? at(l + 1, r + 1) + 1 : Math.max(at(l + 1, r), at(l, r + 1));
    }
  }
  const pairs: [number, number][] = [];
  let l = 0;
  let r = 0;
  while (l < left.length && r < right.length) {
    if (sameLine(left[l], right[r])) {
      pairs.push([l, r]);
      l += 1;
      r += 1;
    } else if (at(l + 1, r) >= at(l, r + 1)) l += 1;
    else r += 1;
  }
  return pairs;
}

export type Block = { kind: 'rows'; rows: Row[] } | { kind: 'folded'; rows: Row[] };

/** Folds long runs of unchanged lines, keeping `context` lines around each change. */
export function fold(rows: Row[], context = 3): Block[] {
  const blocks: Block[] = [];
  let index = 0;
  while (index < rows.length) {
    const isSame = rows[index]?.kind === 'same';
    let next = index;
    while (next < rows.length && (rows[next]?.kind === 'same') === isSame) next += 1;
    const run = rows.slice(index, next);
    const head = index === 0 ? 0 : context;
    const tail = next === rows.length ? 0 : context;
    if (isSame && run.length > head + tail + 1) {
      push(blocks, run.slice(0, head));
      blocks.push({ kind: 'folded', rows: run.slice(head, run.length - tail) });
      push(blocks, run.slice(run.length - tail));
    } else {
      push(blocks, run);
    }
    index = next;
  }
  return blocks;
}

function push(blocks: Block[], rows: Row[]): void {
  if (rows.length === 0) return;
  const last = blocks.at(-1);
  if (last?.kind === 'rows') last.rows.push(...rows);
  else blocks.push({ kind: 'rows', rows });
}
