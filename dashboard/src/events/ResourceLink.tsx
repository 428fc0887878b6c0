import type { AuditEvent } from '../api/types';
import { TextLink } from '../ui/links';
import { resourceName } from './words';

/** The resource of an event; a link where it has a page of its own. */
export function ResourceLink({ resource }: { resource: AuditEvent['resource'] }) {
  if (!resource) return null;
  if (resource.kind !== 'route') return <>{resourceName(resource)}</>;
  return (
    <TextLink to="/routes/$id" params={{ id: resource.id }}>
      {resourceName(resource)}
    </TextLink>
  );
}
