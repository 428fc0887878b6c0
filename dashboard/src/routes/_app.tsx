import { createFileRoute, Outlet, redirect } from '@tanstack/react-router';
import { sessionQuery, statusQuery } from '../api/queries';
import { NotStarted } from '../ui/NotStarted';
import { Shell } from '../ui/Shell';

/** Everything below needs a session. */
export const Route = createFileRoute('/_app')({
  beforeLoad: async ({ context: { queryClient }, location }) => {
    const known = queryClient.getQueryData(sessionQuery.queryKey);
    const session = await queryClient.fetchQuery(sessionQuery);
    if (!session) {
      const target = location.href === '/' ? undefined : location.href;
      // A session known to be gone is another thing than one that never was.
      const ended = known === undefined ? undefined : true;
      throw redirect({ to: '/login', search: { redirect: target, ended } });
    }
    const status = await queryClient.ensureQueryData(statusQuery);
    return { user: session.user, group: status.gateway_groups[0] ?? 'default' };
  },
  errorComponent: NotStarted,
  component: function App() {
    const { user, group } = Route.useRouteContext();
    return (
      <Shell user={user} group={group}>
        <Outlet />
      </Shell>
    );
  },
});
