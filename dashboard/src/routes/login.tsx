import { Text, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { createFileRoute, redirect, useRouter } from '@tanstack/react-router';
import { sessionQuery } from '../api/queries';
import { LoginForm } from '../session/LoginForm';
import { safeRedirect } from '../session/redirect';
import { Mark } from '../ui/Mark';
import { RhumbField } from '../ui/RhumbField';
import classes from './-login.module.css';

interface LoginSearch {
  redirect?: string | undefined;
  /** Set when the session ended by itself. */
  ended?: true | undefined;
}

export const Route = createFileRoute('/login')({
  validateSearch: (search: Record<string, unknown>): LoginSearch => ({
    redirect: typeof search['redirect'] === 'string' ? search['redirect'] : undefined,
    ended: String(search['ended']) === 'true' ? true : undefined,
  }),
  beforeLoad: async ({ context: { queryClient }, search: { redirect: target } }) => {
    const known = queryClient.getQueryData(sessionQuery.queryKey);
    const session = known === undefined ? await queryClient.fetchQuery(sessionQuery) : known;
    // Somebody who is already signed in has no business here.
    if (session) throw redirect({ href: safeRedirect(target) });
  },
  component: LoginPage,
});

function LoginPage() {
  const { redirect: target, ended } = Route.useSearch();
  const router = useRouter();
  useDocumentTitle('Sign in · Portolan');
  return (
    <div className={classes.page}>
      <RhumbField />
      <main className={classes.card}>
        <div className={classes.brand}>
          <Mark size={40} />
          <Title order={1} size="h3">
            Portolan
          </Title>
        </div>
        <Text size="sm" className="faint" mb="md">
          {ended ? 'Your session has ended. Sign in to go on where you were.' : 'Sign in to the control plane.'}
        </Text>
        <LoginForm onSignedIn={() => router.history.push(safeRedirect(target))} />
      </main>
    </div>
  );
}
