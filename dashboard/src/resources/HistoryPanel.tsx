import { Table } from '@mantine/core';
import type { ResourceVersion } from '../api/types';
import { actorName } from '../events/words';
import { TextLink } from '../ui/links';
import { Panel } from '../ui/Panel';
import { Time } from '../ui/Time';
import classes from './HistoryPanel.module.css';

interface Props {
  id: string;
  versions: ResourceVersion[];
  /** The revision that the page shows. */
  selected: number | undefined;
}

/** The versions of a route, newest first; choosing one shows it. */
export function HistoryPanel({ id, versions, selected }: Props) {
  return (
    <Panel flush title="History">
      <Table.ScrollContainer minWidth={360} maxHeight="76vh" tabIndex={0}>
      <Table stickyHeader aria-label="History">
        <Table.Thead>
          <Table.Tr>
            <Table.Th ta="right">Revision</Table.Th>
            <Table.Th>Time</Table.Th>
            <Table.Th>Action</Table.Th>
            <Table.Th>Actor</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {versions.map((version) => (
            <Table.Tr key={version.revision} className={version.revision === selected ? classes.selected : ''}>
              <Table.Td ta="right" className="mono number">
                <TextLink
                  to="/routes/$id"
                  params={{ id }}
                  search={{ at: version.revision }}
                  replace
                  resetScroll={false}
                  aria-label={`Show revision ${version.revision}`}
                  {...(version.revision === selected ? { 'aria-current': 'true' as const } : {})}
                >
                  {version.revision}
                </TextLink>
              </Table.Td>
              <Table.Td>
                <Time at={version.recorded_at} />
              </Table.Td>
              <Table.Td className="mono">{version.action}</Table.Td>
              <Table.Td className="break">{actorName(version.actor)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      </Table.ScrollContainer>
    </Panel>
  );
}
