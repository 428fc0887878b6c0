import { expect, it } from 'vitest';
import { safeRedirect } from './redirect';

it.each(['/events?actor=admin', '/routes/a%2Fb'])('goes back to %s', (target) => {
  expect(safeRedirect(target)).toBe(target);
});

it.each([undefined, '', 'https://evil.example', '//evil.example', '/\\evil.example', 'javascript:alert(1)', '/login', '/login?redirect=/'])(
  'does not go to %s',
  (target) => {
    expect(safeRedirect(target)).toBe('/');
  },
);
