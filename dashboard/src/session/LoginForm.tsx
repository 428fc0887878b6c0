import { Alert, Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { ApiError } from '../api/client';
import { login, sessionQuery } from '../api/queries';

export function LoginForm({ onSignedIn }: { onSignedIn: () => void }) {
  const queryClient = useQueryClient();
  const form = useForm({
    initialValues: { username: '', password: '' },
    validate: {
      username: (name) => (name.trim() === '' ? 'Enter your user name.' : null),
      password: (password) => (password === '' ? 'Enter your password.' : null),
    },
  });
  const signIn = useMutation({
    mutationFn: login,
    meta: { signIn: true },
    onSuccess: (session) => {
      // Nothing that another user has seen may be shown to this one.
      queryClient.getQueryCache().clear();
      queryClient.setQueryData(sessionQuery.queryKey, session);
      onSignedIn();
    },
    onError: () => form.setFieldValue('password', ''),
  });

  return (
    <form onSubmit={form.onSubmit((values) => signIn.mutate({ ...values, username: values.username.trim() }))} noValidate>
      <Stack gap="sm">
        <TextInput
          size="sm"
          label="User"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          {...form.getInputProps('username')}
        />
        <PasswordInput
          size="sm"
          label="Password"
          autoComplete="current-password"
          visibilityToggleButtonProps={{ 'aria-label': 'Show or hide the password' }}
          {...form.getInputProps('password')}
        />
        {signIn.isError && (
          <Alert role="alert" color="rubric" p="xs">
            {messageOf(signIn.error)}
          </Alert>
        )}
        <Button type="submit" size="sm" mt={4} loading={signIn.isPending}>
          Sign in
        </Button>
      </Stack>
    </form>
  );
}

function messageOf(error: Error): string {
  return error instanceof ApiError && error.status === 401 ? 'Wrong user or password.' : error.message;
}
