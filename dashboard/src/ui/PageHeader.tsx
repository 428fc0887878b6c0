import { Group, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { useEffect, useRef, type ReactNode } from 'react';
import classes from './PageHeader.module.css';

interface Props {
  title: string;
  /** A line above the title that leads back to the list. */
  back?: ReactNode;
  /** A short line beside the title: counts, state. */
  note?: ReactNode;
  actions?: ReactNode;
}

export function PageHeader({ title, back, note, actions }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useDocumentTitle(`${title} · Portolan`);

  // After a navigation the focused link is gone: go on from the new page's heading.
  useEffect(() => {
    if (document.activeElement === document.body) heading.current?.focus({ preventScroll: true });
  }, []);

  return (
    <header className={classes.header}>
      {back && <div className={classes.back}>{back}</div>}
      <Group justify="space-between" gap="sm" align="flex-end">
        <Group gap="sm" align="baseline">
          <Title order={1} size="h3" ref={heading} tabIndex={-1} className="break">
            {title}
          </Title>
          {note && <span className="faint number">{note}</span>}
        </Group>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
    </header>
  );
}
