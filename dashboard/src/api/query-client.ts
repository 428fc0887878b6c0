/** Retry rules and the one reaction to a lost session. */
import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { ApiError } from './client';

declare module '@tanstack/react-query' {
  interface Register {
    /** `signIn` marks the login itself, whose 401 belongs to its form. */
    mutationMeta: { signIn?: boolean };
  }
}

const RETRIES = 2;

export function createQueryClient(onSessionLost: () => void): QueryClient {
  const watch = (error: unknown) => {
    if (isSessionLost(error)) onSessionLost();
  };
  return new QueryClient({
    queryCache: new QueryCache({ onError: watch }),
    mutationCache: new MutationCache({
      onError: (error, _variables, _context, mutation) => {
        if (!mutation.meta?.signIn) watch(error);
      },
    }),
    defaultOptions: {
      // A loader has asked already when its page appears; without `retryOnMount: false` a refusal is asked for twice.
      queries: { retry: isWorthRetrying, retryOnMount: false, staleTime: 2_000 },
      mutations: { retry: false },
    },
  });
}

export function isSessionLost(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}

/** An answer below 500 stays the same however often one asks. */
export function isWorthRetrying(failures: number, error: unknown): boolean {
  if (error instanceof ApiError && error.status >= 400 && error.status < 500) return false;
  return failures < RETRIES;
}
