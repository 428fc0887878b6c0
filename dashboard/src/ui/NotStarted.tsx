import { Container, Group } from '@mantine/core';
import { useRouter } from '@tanstack/react-router';
import { Mark } from './Mark';
import { Failure } from './states';

/** Shown in place of the whole shell, when not even the session could be asked for. */
export function NotStarted({ error }: { error: unknown }) {
  const router = useRouter();
  return (
    <Container size="xs" component="main" pt={96}>
      <Group gap="sm" mb="md">
        <Mark size={36} />
        <strong>Portolan</strong>
      </Group>
      <Failure title="The dashboard could not start" error={error} onRetry={() => void router.invalidate()} />
    </Container>
  );
}
