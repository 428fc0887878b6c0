import { describe, expect, it, vi } from 'vitest';
import { ApiError, get, post, withQuery } from './client';

function answer(status: number, body: string, headers: Record<string, string> = {}) {
  // 204 must not carry a body, not even an empty one.
  const fetched = vi.fn<typeof fetch>(() => Promise.resolve(new Response(status === 204 ? null : body, { status, headers })));
  vi.stubGlobal('fetch', fetched);
  return fetched;
}

const failure = (promise: Promise<unknown>) => promise.then(() => undefined, (error: unknown) => error);

describe('the client', () => {
  it('hands over the decoded answer', async () => {
    answer(200, '{"revision":7}');
    expect(await get('/api/status')).toEqual({ revision: 7 });
  });

  it('marks every write, and only writes, as coming from this site', async () => {
    const fetched = answer(204, '');
    await post('/api/logout');
    await get('/api/session');
    const headers = fetched.mock.calls.map((call) => call[1]?.headers);
    expect(headers[0]).toHaveProperty('X-Requested-With', 'portolan');
    expect(headers[1]).not.toHaveProperty('X-Requested-With');
  });

  it('shows the message of the control plane', async () => {
    answer(400, '{"error_msg":"reason is missing"}');
    const error = await failure(post('/api/rollback', { body: {} }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 400, message: 'reason is missing' });
  });

  it.each(['<html>Bad Gateway</html>', '', '{"error_msg":5}', 'null'])('falls back to the status for %j', async (body) => {
    answer(502, body);
    expect(await failure(get('/api/status'))).toMatchObject({ status: 502, message: 'The control plane answered 502' });
  });

  it('says when to come back', async () => {
    answer(503, '{"error_msg":"the log cannot be written"}', { 'Retry-After': '5' });
    expect(await failure(get('/api/status'))).toMatchObject({ message: 'the log cannot be written; try again in 5 s' });
  });

  it('tells an outage from an answer', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
    expect(await failure(get('/api/status'))).toMatchObject({ status: 0, name: 'ApiError' });
  });

  it('passes an abort through as what it is', async () => {
    const abort = new AbortController();
    abort.abort();
    vi.stubGlobal('fetch', () => Promise.reject(abort.signal.reason as Error));
    expect(await failure(get('/api/status', { signal: abort.signal }))).toMatchObject({ name: 'AbortError' });
  });

  it('refuses a success that is not JSON', async () => {
    answer(200, '<html>');
    expect(await failure(get('/api/status'))).toMatchObject({ name: 'ApiError', status: 200 });
  });
});

describe('withQuery', () => {
  it('leaves out what has no value and encodes the rest', () => {
    expect(withQuery('/api/x', { a: 'b c&d', b: undefined, c: '', d: 0 })).toBe('/api/x?a=b+c%26d&d=0');
    expect(withQuery('/api/x')).toBe('/api/x');
  });
});
