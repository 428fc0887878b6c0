import { describe, expect, it, vi } from 'vitest';
import { api, ApiError, bodyOf } from './client';

function answer(status: number, body: string, headers: Record<string, string> = {}) {
  // 204 must not carry a body, not even an empty one.
  const fetched = vi.fn<typeof fetch>(() => Promise.resolve(new Response(status === 204 ? null : body, { status, headers })));
  vi.stubGlobal('fetch', fetched);
  return fetched;
}

const failure = (promise: Promise<unknown>) => promise.then(() => undefined, (error: unknown) => error);

const status = () => bodyOf(api.GET('/api/status'));
const plan = { gateway_group_id: 'default', to: 1, dry_run: true };

describe('the client', () => {
  it('hands over the decoded answer', async () => {
    answer(200, '{"revision":7}');
    expect(await status()).toEqual({ revision: 7 });
  });

  it('marks every write, and only writes, as coming from this site', async () => {
    const header = () => fetched.mock.lastCall?.[0] instanceof Request && fetched.mock.lastCall[0].headers.get('X-Requested-With');
    const fetched = answer(200, '{}');
    await bodyOf(api.POST('/api/rollback', { body: plan }));
    expect(header()).toBe('portolan');
    await status();
    expect(header()).toBeNull();
  });

  it('takes an answer without a body', async () => {
    answer(204, '');
    await expect(bodyOf(api.POST('/api/logout'))).resolves.toBeUndefined();
  });

  it('leaves out parameters without a value and encodes the rest', async () => {
    const fetched = answer(200, '{}');
    await bodyOf(api.GET('/api/audit/events', { params: { query: { limit: 50, actor: 'b c&d', before: undefined } } }));
    await bodyOf(api.GET('/api/history/{kind}/{id}', { params: { path: { kind: 'routes', id: 'a/b c' } } }));
    const urls = fetched.mock.calls.map(([request]) => request instanceof Request && new URL(request.url));
    expect(urls.map((url) => url && url.pathname + url.search)).toEqual([
      expect.stringMatching(/^\/api\/audit\/events\?limit=50&actor=b(\+|%20)c%26d$/),
      '/api/history/routes/a%2Fb%20c',
    ]);
  });

  it('shows the message of the control plane', async () => {
    answer(400, '{"error_msg":"reason is missing"}');
    const error = await failure(bodyOf(api.POST('/api/rollback', { body: plan })));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 400, message: 'reason is missing' });
  });

  it.each(['<html>Bad Gateway</html>', '', '{"error_msg":5}', 'null'])('falls back to the status for %j', async (body) => {
    answer(502, body);
    expect(await failure(status())).toMatchObject({ status: 502, message: 'The control plane answered 502' });
  });

  it('says when to come back', async () => {
    answer(503, '{"error_msg":"the log cannot be written"}', { 'Retry-After': '5' });
    expect(await failure(status())).toMatchObject({ message: 'the log cannot be written; try again in 5 s' });
  });

  it('tells an outage from an answer', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
    expect(await failure(status())).toMatchObject({ status: 0, name: 'ApiError' });
  });

  it('passes an abort through as what it is', async () => {
    const abort = new AbortController();
    abort.abort();
    vi.stubGlobal('fetch', () => Promise.reject(abort.signal.reason as Error));
    expect(await failure(bodyOf(api.GET('/api/status', { signal: abort.signal })))).toMatchObject({ name: 'AbortError' });
  });

  it('refuses a success that is not JSON', async () => {
    answer(200, '<html>');
    expect(await failure(status())).toMatchObject({ name: 'ApiError', status: 502 });
  });
});
