/**
 * The answers of the control plane's own API under `/api/`.
 * Field names are those of the wire.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface User {
  id: string;
  name: string;
  roles: string[];
}

export interface Session {
  user: User;
}

export interface Status {
  version: string;
  /** The newest revision of the log. */
  revision: number;
  store: string;
  gateway_groups: string[];
}

export type ResourceKind = 'routes' | 'services' | 'upstreams' | 'consumers';

export interface Resource {
  id: string;
  value: JsonObject;
  create_revision: number;
  mod_revision: number;
  version: number;
}

export interface ResourceList {
  revision: number;
  total: number;
  list: Resource[];
}

export const OUTCOMES = ['success', 'refused', 'denied', 'failed'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface Actor {
  id: string | null;
  kind: string;
  name: string | null;
  auth_method: string;
  roles: string[];
}

export interface KeyChange {
  key: string;
  before: Json;
  after: Json;
  create_revision: number | null;
  version: number | null;
}

export interface AuditEvent {
  revision: number;
  event_id: string;
  recorded_at: string;
  action: string;
  outcome: Outcome;
  actor: Actor;
  source: { ip: string | null; user_agent: string | null; interface: string };
  reason: string | null;
  request_id: string | null;
  trace_id: string | null;
  idempotency_key: string | null;
  gateway_group_id: string | null;
  resource: { kind: string; id: string | null } | null;
  causation_revision: number | null;
  error: { status: number; message: string } | null;
  changes: KeyChange[];
  leaf_hash: string;
}

export interface EventPage {
  head: number;
  events: AuditEvent[];
  next_before: number | null;
}

export interface EventFilter {
  action?: string | undefined;
  outcome?: Outcome | undefined;
  actor?: string | undefined;
  resource_kind?: string | undefined;
  resource_id?: string | undefined;
}

export interface PlannedChange {
  key: string;
  kind: string | null;
  id: string | null;
  action: 'create' | 'update' | 'delete';
  before: Json;
  after: Json;
}

export interface Rollback {
  dry_run: boolean;
  /** The revision of the new event; null for a dry run. */
  revision: number | null;
  from: number;
  to: number;
  changes: PlannedChange[];
}

export interface ResourceVersion {
  revision: number;
  recorded_at: string;
  action: string;
  actor: Actor | string;
  value: Json;
}

export interface History {
  versions: ResourceVersion[];
}
