import type { QueryClient } from '@tanstack/react-query';
import { createRouter } from '@tanstack/react-router';
import { sessionQuery } from './api/queries';
import { createQueryClient } from './api/query-client';
import { routeTree } from './routeTree.gen';
import { NotFound } from './ui/NotFound';
import { Failure, Loading } from './ui/states';

export interface RouterContext {
  queryClient: QueryClient;
}

export const queryClient = createQueryClient(goToLogin);

export const router = createRouter({
  routeTree,
  context: { queryClient },
  defaultPreload: 'intent',
  // What is fresh is known to the query client alone.
  defaultPreloadStaleTime: 0,
  scrollRestoration: true,
  // Plain `?name=value` pairs: an address that a person can read and type. The routes validate them.
  parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
  stringifySearch: (search) => {
    const pairs = Object.entries(search).filter(([, value]) => value !== undefined);
    const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
    return text === '' ? '' : `?${text}`;
  },
  defaultPendingComponent: () => <Loading label="Loading…" />,
  defaultNotFoundComponent: NotFound,
  defaultErrorComponent: ({ error, reset }) => (
    <Failure title="This page could not be shown" error={error} onRetry={reset} />
  ),
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

/** The session ended while somebody worked: sign in, then back to the same page. */
function goToLogin(): void {
  // First of all forget the session: should a click win over the navigation below, its page asks again and comes here.
  queryClient.setQueryData(sessionQuery.queryKey, null);
  const { pathname, href } = router.latestLocation;
  if (pathname === '/login') return;
  void router.navigate({ to: '/login', search: { redirect: href, ended: true } });
}
