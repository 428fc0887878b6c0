/** What the pages read and do, as TanStack Query options: one factory per operation of the API. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { api, ApiError, bodyOf } from './client';
import type {
  AuditEvent,
  Credentials,
  EventFilter,
  EventPage,
  History,
  Resource,
  ResourceKind,
  ResourceList,
  Rollback,
  RollbackRequest,
  Session,
  Status,
} from './types';

const SESSION_FRESH_MS = 5 * 60_000;
const STATUS_POLL_MS = 5_000;
const EVENTS_PER_PAGE = 50;

/** The signed-in user, or null; being signed out is an answer, not an error. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: async ({ signal }): Promise<Session | null> => {
    try {
      return await bodyOf<Session>(api.GET('/api/session', { signal }));
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: (query) => (query.state.data ? SESSION_FRESH_MS : 0),
});

export const statusQuery = queryOptions({
  queryKey: ['status'],
  queryFn: ({ signal }) => bodyOf<Status>(api.GET('/api/status', { signal })),
  refetchInterval: STATUS_POLL_MS,
});

export const resourcesQuery = (group: string, kind: ResourceKind) =>
  queryOptions({
    queryKey: ['resources', group, kind],
    queryFn: ({ signal }) => 
      bodyOf<ResourceList>(
        api.GET('/api/groups/{group}/resources/{kind}', { params: { path: { group, kind } }, signal }),
      ),
  });

export const resourceQuery = (group: string, kind: ResourceKind, id: string) =>
  queryOptions({
    queryKey: ['resources', group, kind, id],
    queryFn: ({ signal }) =>
      bodyOf<Resource>(
        api.GET('/api/groups/{group}/resources/{kind}/{id}', { params: { path: { group, kind, id } }, signal }),
      ),
  });

export const historyQuery = (group: string, kind: ResourceKind, id: string) =>
  queryOptions({
    queryKey: ['history', group, kind, id],
    queryFn: ({ signal }) =>
      bodyOf<History>(
        api.GET('/api/history/{kind}/{id}', {
          params: { path: { kind, id }, query: { gateway_group_id: group } },
          signal,
        }),
      ),
  });

export const eventsQuery = (filter: EventFilter) =>
  infiniteQueryOptions({
    queryKey: ['events', 'list', filter],
    queryFn: ({ pageParam, signal }) =>
      bodyOf<EventPage>(
        api.GET('/api/audit/events', {
          params: { query: { limit: EVENTS_PER_PAGE, before: pageParam ?? undefined, ...filter } },
          signal,
        }),
      ),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.next_before,
  });

export const eventQuery = (revision: number) =>
  queryOptions({
    queryKey: ['events', 'one', revision],
    queryFn: ({ signal }) => 
      bodyOf<AuditEvent>(api.GET('/api/audit/events/{revision}', { params: { path: { revision } }, signal })),
    // An event of the log never changes.
    staleTime: Infinity,
  });

export function login(credentials: Credentials): Promise<Session> {
  return bodyOf<Session>(api.POST('/api/login', { body: credentials }));
}

export function logout(): Promise<void> {
  return bodyOf<void>(api.POST('/api/logout'));
}

export function rollback(request: RollbackRequest): Promise<Rollback> {
  return bodyOf<Rollback>(api.POST('/api/rollback', { body: request }));
}
