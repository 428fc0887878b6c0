/** The filters of the audit log as they stand in the address. */
import { OUTCOMES, type EventFilter } from '../api/types';
import { oneOf, text, type Search } from '../ui/search-params';

/** The names are those of the API, so that the filters pass through as they are. */
export function eventSearch(search: Search): EventFilter {
  return {
    action: text(search['action']),
    outcome: oneOf(OUTCOMES, search['outcome']),
    actor: text(search['actor']),
    resource_kind: text(search['resource_kind']),
    resource_id: text(search['resource_id']),
  };
}

/** Suggestions for the filter; the log may hold others, so any text is taken. */
export const ACTIONS = [
  'route.create', 'route.update', 'route.delete',
  'service.create', 'service.update', 'service.delete',
  'upstream.create', 'upstream.update', 'upstream.delete',
  'consumer.create', 'consumer.update', 'consumer.delete',
  'group.rollback', 'etcd.put', 'etcd.delete_range', 'etcd.txn', 'lease.expire', 'lease.revoke',
  'auth.login', 'auth.login_failed', 'auth.logout', 'auth.denied',
  'user.create', 'certificate.issue', 'ca.create', 'log.created',
];

export const RESOURCE_KINDS = ['route', 'service', 'upstream', 'consumer', 'gateway_group', 'user', 'certificate'];
