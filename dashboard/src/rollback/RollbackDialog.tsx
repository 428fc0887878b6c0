import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { ApiError } from '../api/client';
import { rollback } from '../api/queries';
import type { Rollback } from '../api/types';
import { Failure, Loading } from '../ui/states';
import { BrokenReferences, PlanView } from './PlanView';

interface Props {
  group: string;
  to: number;
}

/** The button and its dialog: first the plan from a dry run, then the reason, then the deed. */
export function RollbackButton({ group, to }: Props) {
  const [isOpen, setOpen] = useState(false);
  const [isBusy, setBusy] = useState(false);
  return (
    <>
      <Button variant="default" onClick={() => setOpen(true)}>
        Roll back the group to here
      </Button>
      <Modal
        opened={isOpen}
        onClose={() => !isBusy && setOpen(false)}
        title={`Roll back group ${group} to revision ${to}`}
        size="xl"
        closeButtonProps={{ 'aria-label': 'Close', disabled: isBusy }}
      >
        <RollbackForm group={group} to={to} onBusy={setBusy} onClose={() => setOpen(false)} />
      </Modal>
    </>
  );
}

interface FormProps extends Props {
  onBusy: (isBusy: boolean) => void;
  onClose: () => void;
}

function RollbackForm({ group, to, onBusy, onClose }: FormProps) {
  // A dry run changes nothing, so it is read like any other query, but never from a cache.
  const plan = useQuery({
    queryKey: ['rollback-plan', group, to],
    queryFn: () => rollback({ gateway_group_id: group, to, dry_run: true }),
    staleTime: 0,
    gcTime: 0,
    retry: false,
    refetchOnWindowFocus: false,
  });

  if (plan.isPending) return <Loading label="Working out what would change…" />;
  if (plan.isError) {
    return <Failure title="The plan could not be made" error={plan.error} onRetry={() => void plan.refetch()} />;
  }
  if (plan.data.changes.length === 0) {
    return (
      <Stack gap="md">
        <Text size="sm">
          The group already stands as it did at revision {to}. There is nothing to roll back.
        </Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Close
          </Button>
        </Group>
      </Stack>
    );
  }
  return <ConfirmForm group={group} to={to} plan={plan.data} onBusy={onBusy} onClose={onClose} />;
}

function ConfirmForm({ group, to, plan, onBusy, onClose }: FormProps & { plan: Rollback }) {
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const form = useForm({
    initialValues: { reason: '' },
    validate: { reason: (reason) => (reason.trim() === '' ? 'Say why; the reason is kept in the log.' : null) },
  });
  const confirm = useMutation({
    mutationFn: (reason: string) => rollback({ gateway_group_id: group, to, dry_run: false, reason }),
    onMutate: () => onBusy(true),
    onSettled: () => onBusy(false),
    onSuccess: async ({ revision }) => {
      onClose();
      void queryClient.invalidateQueries();
      if (revision !== null) await navigate({ to: '/events/$revision', params: { revision } });
    },
  });

  const count = plan.changes.length;
  return (
    <form onSubmit={form.onSubmit(({ reason }) => confirm.mutate(reason.trim()))} noValidate>
      <Stack gap="md">
        <Text size="sm">
          {count === 1 ? 'One key changes' : `${count} keys change`} against revision {plan.from}. The rollback is a new
          event: the log keeps everything, and it can be undone the same way.
        </Text>
        <PlanView changes={plan.changes} />
        <BrokenReferences broken={plan.broken_references} />
        <Textarea
          label="Reason"
          withAsterisk
          required
          autosize
          minRows={2}
          maxRows={6}
          maxLength={1000}
          disabled={confirm.isPending}
          {...form.getInputProps('reason')}
        />
        {confirm.isError && <Failure title={failureTitle(confirm.error)} error={confirm.error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose} disabled={confirm.isPending}>
            Cancel
          </Button>
          <Button type="submit" color="rubric" loading={confirm.isPending}>
            Roll back {count === 1 ? 'one key' : `${count} keys`}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** Only a refusal tells for sure that nothing happened; an answer may also have been lost on its way. */
function failureTitle(error: Error): string {
  const isRefusal = error instanceof ApiError && error.status >= 400 && error.status < 500;
  return isRefusal ? 'Nothing was rolled back' : 'It is not known whether the rollback was done: look at the events';
}
