/** What a page shows when it has no data: still loading, failed, or nothing there. */
import { Alert, Button, Group, Loader, Text, Title } from '@mantine/core';
import { IconAlertTriangle, IconRefresh } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { ApiError } from '../api/client';
import { isSessionLost } from '../api/query-client';
import { Mark } from './Mark';
import classes from './states.module.css';

export function Loading({ label }: { label: string }) {
  return (
    <Group role="status" gap="sm" justify="center" py="xl" className="faint">
      <Loader size="xs" />
      <span>{label}</span>
    </Group>
  );
}

interface FailureProps {
  error: unknown;
  /** What could not be done: "The routes could not be loaded". */
  title: string;
  onRetry?: () => void;
}

export function Failure({ error, title, onRetry }: FailureProps) {
  // A lost session is answered by the login page, which is already on its way.
  if (isSessionLost(error)) return null;
  return (
    <Alert role="alert" color="rubric" icon={<IconAlertTriangle size={18} />} title={title}>
      <Text size="sm" className="break">
        {error instanceof Error ? error.message : String(error)}
      </Text>
      {onRetry && isPassing(error) && (
        <Button mt="xs" variant="default" leftSection={<IconRefresh size={14} />} onClick={onRetry}>
          Try again
        </Button>
      )}
    </Alert>
  );
}

/** Asking again helps against outages, not against a refusal. */
function isPassing(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status === 0 || error.status >= 500;
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={classes.empty}>
      <div className={classes.mark}>
        <Mark size={44} />
      </div>
      <Title order={2} size="h5">
        {title}
      </Title>
      {children}
    </div>
  );
}
