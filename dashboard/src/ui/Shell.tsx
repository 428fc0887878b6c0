import { AppShell, Burger, Group } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { IconListDetails, IconRoute } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { statusQuery } from '../api/queries';
import type { User } from '../api/types';
import { UserMenu } from '../session/UserMenu';
import { Dot } from './Dot';
import { SideLink } from './links';
import { Mark } from './Mark';
import classes from './Shell.module.css';
import { ThemeToggle } from './ThemeToggle';

interface Props {
  user: User;
  group: string;
  children: ReactNode;
}

const PAGES = [
  { to: '/routes', label: 'Routes', icon: IconRoute },
  { to: '/events', label: 'Events', icon: IconListDetails },
] as const;

/** The frame of every signed-in page: navigation, gateway group, head of the log, user. */
export function Shell({ user, group, children }: Props) {
  const [isOpen, { toggle, close }] = useDisclosure(false);
  return (
    <AppShell
      layout="alt"
      padding={{ base: 'md', md: 'lg' }}
      header={{ height: 48 }}
      navbar={{ width: 204, breakpoint: 'md', collapsed: { mobile: !isOpen } }}
    >
      <a className="skip-link" href="#content">
        Skip to the content
      </a>
      <AppShell.Header className={classes.header}>
        <Group gap="sm" wrap="nowrap">
          <Burger opened={isOpen} onClick={toggle} hiddenFrom="md" size="sm" aria-label="Open navigation" aria-expanded={isOpen} />
          <span className={classes.group}>
            <span className="faint">Gateway group</span> <strong>{group}</strong>
          </span>
        </Group>
        <Group gap={4} wrap="nowrap">
          <Head />
          <ThemeToggle />
          <UserMenu user={user} />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar
        className={classes.navbar}
        data-open={isOpen || undefined}
        onKeyDown={(press) => press.key === 'Escape' && close()}
      >
        <div className={classes.brand}>
          <Mark size={30} />
          <span>Portolan</span>
          <Burger opened onClick={close} hiddenFrom="md" size="sm" color="white" ml="auto" aria-label="Close navigation" />
        </div>
        <nav aria-label="Main" className={classes.pages}>
          {PAGES.map(({ to, label, icon: Icon }) => (
            <SideLink
              key={to}
              to={to}
              label={label}
              leftSection={<Icon size={17} stroke={1.7} />}
              className={classes.page}
              activeProps={{ 'data-current': true, 'aria-current': 'page' } as object}
              onClick={close}
            />
          ))}
        </nav>
        <About />
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1} className={classes.main}>
        {children}
      </AppShell.Main>
    </AppShell>
  );
}

/** The newest revision, or that the control plane does not answer. */
function Head() {
  const status = useQuery(statusQuery);
  return (
    <span role="status" className={classes.head}>
      {status.isError ? (
        <Dot tone="bad">Control plane unreachable</Dot>
      ) : (
        status.data && (
          <>
            <span className="faint">Head</span> <span className="mono number">{status.data.revision}</span>
          </>
        )
      )}
    </span>
  );
}

function About() {
  const { data } = useQuery(statusQuery);
  return (
    <div className={classes.about}>
      {data && (
        <>
          Portolan {data.version}
          <br />
          on {data.store}
        </>
      )}
    </div>
  );
}
