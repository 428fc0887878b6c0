import { describe, expect, it } from 'vitest';
import { oneOf, revision, text } from './search-params';

describe('search parameters', () => {
  it('trims text', () => {
    expect(text(' a b ')).toBe('a b');
    expect(text('')).toBeUndefined();
    expect(text(undefined)).toBeUndefined();
  });

  it('takes only the allowed words', () => {
    expect(oneOf(['a', 'b'], 'b')).toBe('b');
    expect(oneOf(['a', 'b'], 'constructor')).toBeUndefined();
  });

  it.each(['0', '-1', '1.5', '1e3', '0x10', 'abc', '', '99999999999999999999', null, Number.NaN])(
    'does not take %j for a revision',
    (value) => expect(revision(value)).toBeUndefined(),
  );

  it('reads a revision', () => {
    expect(revision('4711')).toBe(4711);
    expect(revision(4711)).toBe(4711);
  });
});
