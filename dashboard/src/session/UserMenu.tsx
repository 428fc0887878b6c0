import { Button, Menu, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { IconChevronDown, IconLogout, IconUser } from '@tabler/icons-react';
import { logout, sessionQuery } from '../api/queries';
import type { User } from '../api/types';

export function UserMenu({ user }: { user: User }) {
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const signOut = useMutation({
    mutationFn: logout,
    onSuccess: async () => {
      queryClient.setQueryData(sessionQuery.queryKey, null);
      await navigate({ to: '/login' });
    },
  });
  return (
    <Menu position="bottom-end" width={200}>
      <Menu.Target>
        <Button
          variant="subtle"
          color="gray"
          loading={signOut.isPending}
          leftSection={<IconUser size={15} />}
          rightSection={<IconChevronDown size={13} />}
          aria-label={`Account of ${user.name}`}
        >
          {user.name}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          Signed in as {user.name}
          {user.roles.length > 0 && ` · ${user.roles.join(', ')}`}
        </Menu.Label>
        {signOut.isError && (
          <Text role="alert" size="xs" c="rubric" px="sm" pb={4}>
            {signOut.error.message}
          </Text>
        )}
        <Menu.Item closeMenuOnClick={false} leftSection={<IconLogout size={15} />} onClick={() => signOut.mutate()}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
