import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../api/types';
import { matches, summarize } from './route';

const route = (value: JsonObject) =>
  summarize({ id: '1', value, create_revision: 3, mod_revision: 9, version: 2 });

describe('summarize', () => {
  it('reads the short and the long form of a field', () => {
    expect(route({ uri: '/a', host: 'h' })).toMatchObject({ uris: ['/a'], hosts: ['h'], methods: [], enabled: true, revision: 9 });
    expect(route({ uris: ['/a', '/b'], hosts: ['h', 'i'], methods: ['GET'], status: 0 })).toMatchObject({
      uris: ['/a', '/b'], hosts: ['h', 'i'], methods: ['GET'], enabled: false,
    });
  });

  it.each<[string, JsonObject]>([
    ['127.0.0.1:1980', { upstream: { nodes: { '127.0.0.1:1980': 1 } } }],
    ['a:80 +1', { upstream: { nodes: [{ host: 'a', port: 80, weight: 1 }, { host: 'b', port: 80, weight: 1 }] } }],
    ['orders.svc', { upstream: { service_name: 'orders.svc', discovery_type: 'dns' } }],
    ['inline', { upstream: { nodes: {} } }],
    ['upstream 7', { upstream_id: 7, service_id: 's' }],
    ['service s', { service_id: 's' }],
    ['', {}],
  ])('says %j for the upstream', (expected, value) => {
    expect(route(value).upstream).toBe(expected);
  });

  it('bears fields of a foreign shape', () => {
    expect(route({ uri: 5, methods: 'GET', plugins: [], upstream: 'x', hosts: [null, 'h'] })).toMatchObject({
      uris: ['5'], methods: [], plugins: [], upstream: '', hosts: ['h'],
    });
  });
});

describe('matches', () => {
  const summary = route({ name: 'Orders', uri: '/orders/*', plugins: { 'key-auth': {} } });

  it('wants every word, anywhere in the row, in any case', () => {
    expect(matches(summary, 'ORDERS key')).toBe(true);
    expect(matches(summary, 'orders cors')).toBe(false);
    expect(matches(summary, '')).toBe(true);
  });
});
