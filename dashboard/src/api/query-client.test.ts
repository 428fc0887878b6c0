import { MutationObserver } from '@tanstack/react-query';
import { describe, expect, it, vi } from 'vitest';
import { ApiError } from './client';
import { createQueryClient, isWorthRetrying } from './query-client';

const reject = (status: number) => () => Promise.reject(new ApiError(status, 'no'));

describe('createQueryClient', () => {
  it('reports a lost session of a query and of a mutation', async () => {
    const onLost = vi.fn<() => void>();
    const client = createQueryClient(onLost);
    await client.prefetchQuery({ queryKey: ['a'], queryFn: reject(401) });
    await new MutationObserver(client, { mutationFn: reject(401) }).mutate().catch(() => undefined);
    expect(onLost).toHaveBeenCalledTimes(2);
  });

  it('leaves the refusal of a login to its form', async () => {
    const onLost = vi.fn<() => void>();
    const client = createQueryClient(onLost);
    const login = new MutationObserver(client, { mutationFn: reject(401), meta: { signIn: true } });
    await login.mutate().catch(() => undefined);
    expect(onLost).not.toHaveBeenCalled();
  });

  it('does not take a refusal for a lost session', async () => {
    const onLost = vi.fn<() => void>();
    await createQueryClient(onLost).prefetchQuery({ queryKey: ['a'], queryFn: reject(403) });
    expect(onLost).not.toHaveBeenCalled();
  });
});

describe('isWorthRetrying', () => {
  it('asks again after an outage, a few times, and never after a refusal', () => {
    expect(isWorthRetrying(0, new ApiError(0, ''))).toBe(true);
    expect(isWorthRetrying(1, new ApiError(503, ''))).toBe(true);
    expect(isWorthRetrying(2, new ApiError(503, ''))).toBe(false);
    expect(isWorthRetrying(0, new ApiError(404, ''))).toBe(false);
  });
});
