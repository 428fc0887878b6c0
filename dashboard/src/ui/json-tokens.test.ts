import { expect, it } from 'vitest';
import { tokensOf } from './json-tokens';

it('tells keys, strings, numbers and words apart and loses no character', () => {
  const line = '  "a\\"b": ["x: 1", -1.5e3, true, null],';
  const tokens = tokensOf(line);
  expect(tokens.filter((token) => token.kind !== 'plain').map((token) => [token.kind, token.text])).toEqual([
    ['key', '"a\\"b"'],
    ['string', '"x: 1"'],
    ['number', '-1.5e3'],
    ['word', 'true'],
    ['word', 'null'],
  ]);
  expect(tokens.map((token) => token.text).join('')).toBe(line);
});
