import { Table } from '@mantine/core';
import type { AuditEvent } from '../api/types';
import { TextLink } from '../ui/links';
import { Time } from '../ui/Time';
import { OutcomeMark } from './OutcomeMark';
import { ResourceLink } from './ResourceLink';
import { actorName, interfaceName } from './words';

export function EventTable({ events }: { events: AuditEvent[] }) {
  return (
    <Table.ScrollContainer minWidth={720}>
      <Table aria-label="Events">
        <Table.Thead>
          <Table.Tr>
            <Table.Th ta="right" w={90}>
              Revision
            </Table.Th>
            <Table.Th w={160}>Time</Table.Th>
            <Table.Th>Action</Table.Th>
            <Table.Th>Outcome</Table.Th>
            <Table.Th>Resource</Table.Th>
            <Table.Th>Actor</Table.Th>
            <Table.Th>Through</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {events.map((event) => (
            <Table.Tr key={event.revision}>
              <Table.Td ta="right" className="mono number">
                <TextLink
                  to="/events/$revision"
                  params={{ revision: event.revision }}
                  aria-label={`Event ${event.revision}`}
                >
                  {event.revision}
                </TextLink>
              </Table.Td>
              <Table.Td>
                <Time at={event.recorded_at} />
              </Table.Td>
              <Table.Td className="mono">{event.action}</Table.Td>
              <Table.Td>
                <OutcomeMark outcome={event.outcome} />
              </Table.Td>
              <Table.Td className="break">
                <ResourceLink resource={event.resource} />
              </Table.Td>
              <Table.Td miw={96} className="break">
                {actorName(event.actor)}
              </Table.Td>
              <Table.Td className="nowrap">
                {interfaceName(event.source.interface)}
                {event.source.ip && <span className="faint"> · {event.source.ip}</span>}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
