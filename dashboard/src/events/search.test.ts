import { describe, expect, it } from 'vitest';
import { eventSearch } from './search';

describe('eventSearch', () => {
  it('takes the filters as they stand in the address', () => {
    expect(
      eventSearch({ action: 'route.create', outcome: 'refused', actor: 'admin', resource_kind: 'route', resource_id: '1' }),
    ).toEqual({ action: 'route.create', outcome: 'refused', actor: 'admin', resource_kind: 'route', resource_id: '1' });
  });

  it('leaves out what it cannot understand and what it does not know', () => {
    const search = eventSearch({ action: '  ', outcome: 'splendid', actor: 'x'.repeat(500), resource_id: 7, page: '2' });
    expect(Object.values(search).every((value) => value === undefined)).toBe(true);
    expect(search).not.toHaveProperty('page');
  });
});
