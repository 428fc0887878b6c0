import { TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { createFileRoute } from '@tanstack/react-router';
import { IconSearch } from '@tabler/icons-react';
import { useMemo } from 'react';
import { resourcesQuery } from '../../../api/queries';
import { NoRoutes } from '../../../resources/NoRoutes';
import { matches, summarize } from '../../../resources/route';
import { RouteTable } from '../../../resources/RouteTable';
import { DraftText } from '../../../ui/DraftText';
import { PageHeader } from '../../../ui/PageHeader';
import { Panel } from '../../../ui/Panel';
import { text, type Search } from '../../../ui/search-params';
import { Empty, Failure, Loading } from '../../../ui/states';

const search = ({ q }: Search): { q?: string | undefined } => ({ q: text(q) });

export const Route = createFileRoute('/_app/routes/')({
  validateSearch: search,
  loader: ({ context: { queryClient, group } }) => {
    void queryClient.prefetchQuery(resourcesQuery(group, 'routes'));
  },
  component: RoutesPage,
});

function RoutesPage() {
  const { group } = Route.useRouteContext();
  const { q = '' } = Route.useSearch();
  const navigate = Route.useNavigate();
  const routes = useQuery(resourcesQuery(group, 'routes'));
  const rows = useMemo(() => routes.data?.list.map(summarize) ?? [], [routes.data]);
  const found = useMemo(() => rows.filter((row) => matches(row, q)), [rows, q]);
  const setQ = (draft: string) => void navigate({ search: search({ q: draft }), replace: true });

  return (
    <>
      <PageHeader
        title="Routes"
        note={routes.data && (q === '' ? `${rows.length}` : `${found.length} of ${rows.length}`)}
        actions={
          rows.length > 0 && (
            <DraftText value={q} onCommit={setQ}>
              {({ value, onChange }) => (
                <TextInput
                  type="search"
                  aria-label="Search routes"
                  placeholder="Id, name, path, host, upstream, plugin"
                  leftSection={<IconSearch size={14} />}
                  w={280}
                  value={value}
                  onChange={(change) => onChange(change.currentTarget.value)}
                />
              )}
            </DraftText>
          )
        }
      />
      {routes.isPending && <Loading label="Loading routes…" />}
      {routes.isLoadingError && (
        <Failure title="The routes could not be loaded" error={routes.error} onRetry={() => void routes.refetch()} />
      )}
      {routes.data && (
        <Panel flush>
          {rows.length === 0 ? (
            <NoRoutes />
          ) : found.length === 0 ? (
            <Empty title={`No route matches “${q}”`} />
          ) : (
            <RouteTable routes={found} />
          )}
        </Panel>
      )}
    </>
  );
}
