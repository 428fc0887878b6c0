import { Container } from '@mantine/core';
import { createRootRouteWithContext, Outlet } from '@tanstack/react-router';
import type { RouterContext } from '../router';
import { NotFound } from '../ui/NotFound';
import { Failure } from '../ui/states';

export const Route = createRootRouteWithContext<RouterContext>()({
  component: Outlet,
  notFoundComponent: NotFound,
  errorComponent: ({ error, reset }) => (
    <Container size="xs" py={80}>
      <Failure title="The dashboard could not be shown" error={error} onRetry={reset} />
    </Container>
  ),
});
