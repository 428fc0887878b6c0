import { Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { createFileRoute, notFound } from '@tanstack/react-router';
import { ApiError } from '../../../api/client';
import { eventQuery } from '../../../api/queries';
import type { AuditEvent } from '../../../api/types';
import { ChangeView } from '../../../diff/ChangeView';
import { EventFacts } from '../../../events/EventFacts';
import { RollbackButton } from '../../../rollback/RollbackDialog';
import { TextLink } from '../../../ui/links';
import { PageHeader } from '../../../ui/PageHeader';
import { Panel } from '../../../ui/Panel';
import { revision as asRevision } from '../../../ui/search-params';
import { Empty, Failure, Loading } from '../../../ui/states';

export const Route = createFileRoute('/_app/events/$revision')({
  params: {
    parse: ({ revision }) => ({ revision: asRevision(revision) ?? 0 }),
    stringify: ({ revision }) => ({ revision: String(revision) }),
  },
  beforeLoad: ({ params }) => {
    if (params.revision === 0) throw notFound();
  },
  loader: ({ context: { queryClient }, params: { revision } }) => {
    void queryClient.prefetchQuery(eventQuery(revision));
  },
  component: EventPage,
});

function EventPage() {
  const { group } = Route.useRouteContext();
  const { revision } = Route.useParams();
  const event = useQuery(eventQuery(revision));
  const isMissing = event.error instanceof ApiError && event.error.status === 404;
  return (
    <>
      <PageHeader
        key={revision}
        back={<TextLink to="/events">Events</TextLink>}
        title={`Event ${revision}`}
        note={event.data && <code>{event.data.action}</code>}
        actions={event.data && <RollbackButton group={event.data.gateway_group_id ?? group} to={revision} />}
      />
      {event.isPending && <Loading label="Loading the event…" />}
      {isMissing && <Empty title={`The log has no revision ${revision} yet`} />}
      {event.isLoadingError && !isMissing && (
        <Failure title="The event could not be loaded" error={event.error} onRetry={() => void event.refetch()} />
      )}
      {event.data && <EventBody event={event.data} />}
    </>
  );
}

function EventBody({ event }: { event: AuditEvent }) {
  return (
    <Stack gap="sm">
      <EventFacts event={event} />
      {event.changes.length === 0 ? (
        <Panel title="Changes">
          <Text size="sm" className="faint">
            This event changed no key.
          </Text>
        </Panel>
      ) : (
        event.changes.map((change) => (
          <ChangeView key={change.key} title={change.key} before={change.before} after={change.after} />
        ))
      )}
    </Stack>
  );
}
