import { describe, expect, it } from 'vitest';
import { alignLines, fold, lineDiff, orderLike } from './lines';

const picture = (rows: ReturnType<typeof alignLines>) =>
  rows.map((row) => `${row.kind}:${row.left?.text.trim() ?? ''}|${row.right?.text.trim() ?? ''}`);

const large = (seed: number) => Array.from({ length: 20_000 }, (_, index) => `${seed}-${index}`);

describe('lineDiff', () => {
  it('sets changed lines face to face', () => {
    expect(picture(lineDiff({ a: 1, b: 2 }, { a: 1, b: 3 }))).toEqual([
      'same:{|{',
      'same:"a": 1,|"a": 1,',
      'changed:"b": 2|"b": 3',
      'same:}|}',
    ]);
  });

  it('takes no notice of a comma that came with a further field', () => {
    expect(picture(lineDiff({ a: 1 }, { a: 1, b: 2 }))).toEqual([
      'same:{|{',
      'same:"a": 1|"a": 1,',
      'added:|"b": 2',
      'same:}|}',
    ]);
  });

  it('leaves one side empty for a created or deleted object', () => {
    expect(picture(lineDiff(null, { a: 1 }))).toEqual(['added:|{', 'added:|"a": 1', 'added:|}']);
    expect(picture(lineDiff({ a: 1 }, null)).every((row) => row.startsWith('removed:'))).toBe(true);
  });

  it('keeps line numbers of both sides', () => {
    const rows = alignLines(['x', 'y', 'z'], ['y', 'z']);
    expect(rows.map((row) => [row.left?.number, row.right?.number])).toEqual([[1, undefined], [2, 1], [3, 2]]);
  });

  it('stays quick on a very large document', () => {
    expect(alignLines(large(1), large(2))).toHaveLength(20_000);
  });
});

describe('orderLike', () => {
  it('puts known keys in the order of the model and new ones last', () => {
    expect(JSON.stringify(orderLike({ c: 1, b: { y: 1, x: 2 }, a: 3 }, { a: 0, b: { x: 0, y: 0 } }))).toBe(
      '{"a":3,"b":{"x":2,"y":1},"c":1}',
    );
  });
});

describe('fold', () => {
  it('folds long unchanged runs and keeps the lines around a change', () => {
    const left = Array.from({ length: 30 }, (_, index) => `line ${index}`);
    const right = left.with(15, 'changed');
    const blocks = fold(alignLines(left, right));
    expect(blocks.map((block) => [block.kind, block.rows.length])).toEqual([
      ['folded', 12],
      ['rows', 7],
      ['folded', 11],
    ]);
    expect(blocks.flatMap((block) => block.rows)).toHaveLength(30);
  });
});
