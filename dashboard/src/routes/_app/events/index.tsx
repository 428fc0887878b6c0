import { Button, Group, Text } from '@mantine/core';
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { createFileRoute } from '@tanstack/react-router';
import { IconRefresh } from '@tabler/icons-react';
import { eventsQuery, statusQuery } from '../../../api/queries';
import { EventFilters } from '../../../events/EventFilters';
import { EventTable } from '../../../events/EventTable';
import { eventSearch } from '../../../events/search';
import { PageHeader } from '../../../ui/PageHeader';
import { Panel } from '../../../ui/Panel';
import { Empty, Failure, Loading } from '../../../ui/states';

export const Route = createFileRoute('/_app/events/')({
  validateSearch: eventSearch,
  loaderDeps: ({ search }) => search,
  loader: ({ context: { queryClient }, deps }) => {
    void queryClient.prefetchInfiniteQuery(eventsQuery(deps));
  },
  component: EventsPage,
});

function EventsPage() {
  const search = Route.useSearch();
  const navigate = Route.useNavigate();
  const log = useInfiniteQuery({ ...eventsQuery(search), placeholderData: keepPreviousData });
  const status = useQuery(statusQuery);
  const events = log.data?.pages.flatMap((page) => page.events) ?? [];
  const head = log.data?.pages[0]?.head;
  const isBehind = head !== undefined && status.data !== undefined && status.data.revision > head;

  return (
    <>
      <PageHeader
        title="Events"
        note={head !== undefined && `up to revision ${head}`}
        actions={
          <Button
            variant={isBehind ? 'light' : 'default'}
            leftSection={<IconRefresh size={14} />}
            loading={log.isRefetching && !log.isFetchingNextPage}
            onClick={() => void log.refetch()}
          >
            {isBehind ? `Show up to revision ${status.data.revision}` : 'Refresh'}
          </Button>
        }
      />
      <EventFilters search={search} onChange={(next) => void navigate({ search: next, replace: true })} />
      {log.isPending && <Loading label="Loading events…" />}
      {log.isError && !log.isFetchNextPageError && (
        <Failure title="The events could not be loaded" error={log.error} onRetry={() => void log.refetch()} />
      )}
      {log.data && (
        <Panel flush>
          {events.length > 0 ? (
            <EventTable events={events} />
          ) : (
            <Empty title={log.hasNextPage ? "No newer event matches these filters" : "No event matches these filters"} />
          )}
        </Panel>
      )}
      {log.isFetchNextPageError && (
        <Failure title="Older events could not be loaded" error={log.error} onRetry={() => void log.fetchNextPage()} />
      )}
      {(events.length > 0 || log.hasNextPage) && (
        <Group justify="center" py="sm">
          {log.hasNextPage ? (
            <Button variant="default" loading={log.isFetchingNextPage} onClick={() => void log.fetchNextPage()}>
              Load older events
            </Button>
          ) : (
            <Text size="xs" className="faint">
              No older events
            </Text>
          )}
        </Group>
      )}
    </>
  );
}
