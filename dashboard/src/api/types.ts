/** The shapes of `cp/openapi.json` by short names. Where the contract says "any JSON", so do these. */
import type { components, operations } from './schema';

type Schemas = components['schemas'];

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export type User = Schemas['User'];
export type Session = Schemas['Session'];
export type Credentials = Schemas['Credentials'];
export type Status = Schemas['Status'];
export type Actor = Schemas['Actor'];
export type Outcome = Schemas['Outcome'];
export type RollbackRequest = Schemas['RollbackRequest'];
export type ResourceKind = operations['listResources']['parameters']['path']['kind'];

export interface Resource extends Omit<Schemas['Resource'], 'value'> {
  /** An object, unless an etcd client put something else there. */
  value: Json;
}

export interface ResourceList extends Omit<Schemas['ResourceList'], 'list'> {
  list: Resource[];
}

export interface KeyChange extends Omit<Schemas['Change'], 'before' | 'after'> {
  before: Json;
  after: Json;
}

export interface AuditEvent extends Omit<Schemas['Event'], 'changes'> {
  changes: KeyChange[];
}

export interface EventPage extends Omit<Schemas['EventPage'], 'events'> {
  events: AuditEvent[];
}

export type EventFilter = Pick<
  NonNullable<operations['listEvents']['parameters']['query']>,
  'action' | 'outcome' | 'actor' | 'resource_kind' | 'resource_id'
>;

export interface PlannedChange extends Omit<Schemas['RollbackChange'], 'before' | 'after'> {
  before: Json;
  after: Json;
}

export interface Rollback extends Omit<Schemas['RollbackResult'], 'changes'> {
  changes: PlannedChange[];
}

export interface ResourceVersion extends Omit<Schemas['Version'], 'value'> {
  value: Json;
}

export interface History {
  versions: ResourceVersion[];
}

export const OUTCOMES = ['success', 'refused', 'denied', 'failed'] as const satisfies Outcome[];
