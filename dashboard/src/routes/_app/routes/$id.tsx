import { Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { createFileRoute } from '@tanstack/react-router';
import { ApiError } from '../../../api/client';
import { historyQuery, resourceQuery } from '../../../api/queries';
import type { Resource, ResourceVersion } from '../../../api/types';
import { ChangeView } from '../../../diff/ChangeView';
import { isObject } from '../../../diff/fields';
import { HistoryPanel } from '../../../resources/HistoryPanel';
import { Dot } from '../../../ui/Dot';
import { ButtonLink, TextLink } from '../../../ui/links';
import { JsonView } from '../../../ui/JsonView';
import { PageHeader } from '../../../ui/PageHeader';
import { Panel } from '../../../ui/Panel';
import { revision, type Search } from '../../../ui/search-params';
import { Empty, Failure, Loading } from '../../../ui/states';
import classes from './-route.module.css';

export const Route = createFileRoute('/_app/routes/$id')({
  /** `at` shows the route as it was at that revision. */
  validateSearch: ({ at }: Search): { at?: number | undefined } => ({ at: revision(at) }),
  loader: ({ context: { queryClient, group }, params: { id } }) => {
    void queryClient.prefetchQuery(resourceQuery(group, 'routes', id));
    void queryClient.prefetchQuery(historyQuery(group, 'routes', id));
  },
  component: RoutePage,
});

function RoutePage() {
  const { group } = Route.useRouteContext();
  const { id } = Route.useParams();
  const { at } = Route.useSearch();
  const route = useQuery(resourceQuery(group, 'routes', id));
  const history = useQuery(historyQuery(group, 'routes', id));

  const versions = history.data?.versions.toSorted((a, b) => b.revision - a.revision) ?? [];
  const selected = at ?? route.data?.mod_revision ?? versions[0]?.revision;
  const isGone = isMissing(route.error);
  const isUnknown = isGone && isMissing(history.error);
  const name = isObject(route.data?.value) ? route.data.value['name'] : undefined;

  return (
    <>
      <PageHeader
        back={<TextLink to="/routes">Routes</TextLink>}
        title={`Route ${id}`}
        note={typeof name === 'string' ? name : undefined}
        actions={
          selected !== undefined && (
            <ButtonLink variant="default" to="/events/$revision" params={{ revision: selected }}>
              Open event {selected}
            </ButtonLink>
          )
        }
      />
      {(route.isPending || history.isPending) && <Loading label="Loading the route…" />}
      {route.isLoadingError && !isGone && (
        <Failure title="The route could not be loaded" error={route.error} onRetry={() => void route.refetch()} />
      )}
      {history.isLoadingError && !isUnknown && (
        <Failure title="The history could not be loaded" error={history.error} onRetry={() => void history.refetch()} />
      )}
      {isUnknown && <Empty title={`There is no route ${id}, and never was`} />}
      <div className={classes.columns}>
        <Stack gap="sm" miw={0}>
          <Shown route={route.data} versions={versions} selected={selected} />
        </Stack>
        {versions.length > 0 && <HistoryPanel id={id} versions={versions} selected={selected} />}
      </div>
    </>
  );
}

const isMissing = (error: unknown) => error instanceof ApiError && error.status === 404;

interface ShownProps {
  route: Resource | undefined;
  versions: ResourceVersion[];
  selected: number | undefined;
}

/** The document at the chosen revision and what that revision changed. */
function Shown({ route, versions, selected }: ShownProps) {
  const index = versions.findIndex((version) => version.revision === selected);
  const version = versions[index];
  const previous = versions[index + 1];
  const isCurrent = route !== undefined && selected === route.mod_revision;
  const value = version ? version.value : isCurrent ? route.value : undefined;
  if (value === undefined) {
    return selected !== undefined && versions.length > 0 && <Empty title={`Revision ${selected} did not touch this route`} />;
  }
  return (
    <>
      <Panel
        flush
        title={`Document at revision ${selected}`}
        actions={
          <Dot tone={value === null ? 'bad' : isCurrent ? 'good' : 'off'}>
            {value === null ? 'deleted' : isCurrent ? 'current' : 'superseded'}
          </Dot>
        }
      >
        {value === null ? <Empty title="Deleted by this revision" /> : <JsonView value={value} label="document" />}
      </Panel>
      {version && previous && (
        <ChangeView
          key={version.revision}
          title={`Change from revision ${previous.revision}`}
          before={previous.value}
          after={version.value}
        />
      )}
    </>
  );
}
