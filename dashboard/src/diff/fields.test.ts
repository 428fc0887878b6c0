import { describe, expect, it } from 'vitest';
import { fieldDiff, isEqual } from './fields';

describe('fieldDiff', () => {
  it('names changed, added and removed fields by their path', () => {
    const before = { uri: '/a', upstream: { nodes: { '127.0.0.1:1980': 1 } }, desc: 'old' };
    const after = { uri: '/b', upstream: { nodes: { '127.0.0.1:1980': 2 } }, name: 'new' };
    expect(fieldDiff(before, after)).toEqual([
      { path: 'uri', kind: 'changed', before: '/a', after: '/b' },
      { path: 'upstream.nodes["127.0.0.1:1980"]', kind: 'changed', before: 1, after: 2 },
      { path: 'desc', kind: 'removed', before: 'old', after: undefined },
      { path: 'name', kind: 'added', before: undefined, after: 'new' },
    ]);
  });

  it('lists the fields of a created and of a deleted object', () => {
    expect(fieldDiff(null, { uri: '/a' })).toEqual([{ path: 'uri', kind: 'added', before: undefined, after: '/a' }]);
    expect(fieldDiff({ uri: '/a' }, null)).toEqual([{ path: 'uri', kind: 'removed', before: '/a', after: undefined }]);
  });

  it('compares lists of plain values as a whole and lists of objects by place', () => {
    expect(fieldDiff({ methods: ['GET'] }, { methods: ['GET', 'PUT'] })).toEqual([
      { path: 'methods', kind: 'changed', before: ['GET'], after: ['GET', 'PUT'] },
    ]);
    expect(fieldDiff({ nodes: [{ weight: 1 }] }, { nodes: [{ weight: 2 }, { weight: 3 }] })).toEqual([
      { path: 'nodes[0].weight', kind: 'changed', before: 1, after: 2 },
      { path: 'nodes[1]', kind: 'added', before: undefined, after: { weight: 3 } },
    ]);
  });

  it('tells a null from an absent field', () => {
    expect(fieldDiff({ a: 1, b: null }, { a: null })).toEqual([
      { path: 'a', kind: 'changed', before: 1, after: null },
      { path: 'b', kind: 'removed', before: null, after: undefined },
    ]);
  });

  it('finds nothing when only the order of keys differs', () => {
    expect(fieldDiff({ a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 })).toEqual([]);
  });

  it('takes values that are not objects, as an etcd client may put them', () => {
    expect(fieldDiff('one', 'two')).toEqual([{ path: '', kind: 'changed', before: 'one', after: 'two' }]);
    expect(fieldDiff(null, 'two')).toEqual([{ path: '', kind: 'added', before: undefined, after: 'two' }]);
    expect(fieldDiff(null, null)).toEqual([]);
  });
});

describe('isEqual', () => {
  it('does not take an inherited name for a key', () => {
    expect(isEqual({ toString: 1 }, { valueOf: 1 })).toBe(false);
  });
});
