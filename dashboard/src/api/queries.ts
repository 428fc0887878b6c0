/** What the pages read and do, as TanStack Query options: one factory per operation of the API. */
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { ApiError, get, post } from './client';
import type {
  AuditEvent,
  EventFilter,
  EventPage,
  History,
  Resource,
  ResourceKind,
  ResourceList,
  Rollback,
  Session,
  Status,
} from './types';

const SESSION_FRESH_MS = 5 * 60_000;
const STATUS_POLL_MS = 5_000;
const EVENTS_PER_PAGE = 50;

const segment = encodeURIComponent;

/** The signed-in user, or null; being signed out is an answer, not an error. */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: async ({ signal }): Promise<Session | null> => {
    try {
      return await get<Session>('/api/session', { signal });
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: (query) => (query.state.data ? SESSION_FRESH_MS : 0),
});

export const statusQuery = queryOptions({
  queryKey: ['status'],
  queryFn: ({ signal }) => get<Status>('/api/status', { signal }),
  refetchInterval: STATUS_POLL_MS,
});

export const resourcesQuery = (group: string, kind: ResourceKind) =>
  queryOptions({
    queryKey: ['resources', group, kind],
    queryFn: ({ signal }) => get<ResourceList>(`/api/groups/${segment(group)}/resources/${kind}`, { signal }),
  });

export const resourceQuery = (group: string, kind: ResourceKind, id: string) =>
  queryOptions({
    queryKey: ['resources', group, kind, id],
    queryFn: ({ signal }) =>
      get<Resource>(`/api/groups/${segment(group)}/resources/${kind}/${segment(id)}`, { signal }),
  });

export const historyQuery = (group: string, kind: ResourceKind, id: string) =>
  queryOptions({
    queryKey: ['history', group, kind, id],
    queryFn: ({ signal }) =>
      get<History>(`/api/history/${kind}/${segment(id)}`, { query: { gateway_group_id: group }, signal }),
  });

export const eventsQuery = (filter: EventFilter) =>
  infiniteQueryOptions({
    queryKey: ['events', 'list', filter],
    queryFn: ({ pageParam, signal }) =>
      get<EventPage>('/api/audit/events', {
        query: { limit: EVENTS_PER_PAGE, before: pageParam ?? undefined, ...filter },
        signal,
      }),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => page.next_before,
  });

export const eventQuery = (revision: number) =>
  queryOptions({
    queryKey: ['events', 'one', revision],
    queryFn: ({ signal }) => get<AuditEvent>(`/api/audit/events/${revision}`, { signal }),
    // An event of the log never changes.
    staleTime: Infinity,
  });

export function login(credentials: { username: string; password: string }): Promise<Session> {
  return post<Session>('/api/login', { body: credentials });
}

export function logout(): Promise<void> {
  return post<void>('/api/logout');
}

export interface RollbackRequest {
  gateway_group_id: string;
  to: number;
  dry_run: boolean;
  reason?: string;
}

export function rollback(request: RollbackRequest): Promise<Rollback> {
  return post<Rollback>('/api/rollback', { body: request });
}
