/** How parts of an event are said to a person. */
import type { Actor, AuditEvent, Outcome } from '../api/types';
import type { Tone } from '../ui/Dot';

export const OUTCOME_TONES: Record<Outcome, Tone> = {
  success: 'good',
  refused: 'warn',
  denied: 'bad',
  failed: 'bad',
};

const INTERFACES: Record<string, string> = {
  admin_api: 'Admin API',
  api: 'API',
  dashboard: 'Dashboard',
  etcd: 'etcd',
  internal: 'Internal',
};

const WAYS: Record<string, string> = {
  api_key: 'API key',
  password: 'Password',
  session: 'Session',
  mtls: 'Client certificate',
  none: 'None',
};

const KINDS: Record<string, string> = {
  admin_key: 'admin key',
  user: 'user',
  certificate: 'certificate',
  system: 'system',
  anonymous: 'anonymous',
};

export const interfaceName = (name: string) => INTERFACES[name] ?? name;
export const authMethod = (name: string) => WAYS[name] ?? name;
export const actorKind = (name: string) => KINDS[name] ?? name;

export function actorName(actor: Actor): string {
  return actor.name ?? (actor.id || actorKind(actor.kind));
}

export function resourceName(resource: AuditEvent['resource']): string {
  return resource ? `${resource.kind.replaceAll('_', ' ')} ${resource.id}` : '';
}
