import { Button, Table, Tooltip } from '@mantine/core';
import { useState } from 'react';
import { Dot } from '../ui/Dot';
import { TextLink } from '../ui/links';
import type { RouteSummary } from './route';
import classes from './RouteTable.module.css';

const ROWS_AT_ONCE = 200;

export function RouteTable({ routes }: { routes: RouteSummary[] }) {
  const [shown, setShown] = useState(ROWS_AT_ONCE);
  return (
    <>
      <Table.ScrollContainer minWidth={940}>
        <Table aria-label="Routes">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Id</Table.Th>
              <Table.Th>Name</Table.Th>
              <Table.Th>Status</Table.Th>
              <Table.Th miw={130}>Path</Table.Th>
              <Table.Th>Methods</Table.Th>
              <Table.Th>Hosts</Table.Th>
              <Table.Th>Upstream</Table.Th>
              <Table.Th>Plugins</Table.Th>
              <Table.Th ta="right">Revision</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {routes.slice(0, shown).map((route) => (
              <RouteRow key={route.id} route={route} />
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {routes.length > shown && (
        <div className={classes.more}>
          <Button variant="default" onClick={() => setShown(shown + ROWS_AT_ONCE)}>
            Show {Math.min(ROWS_AT_ONCE, routes.length - shown)} more of {routes.length}
          </Button>
        </div>
      )}
    </>
  );
}

function RouteRow({ route }: { route: RouteSummary }) {
  return (
    <Table.Tr>
      <Table.Td className={classes.id}>
        <TextLink to="/routes/$id" params={{ id: route.id }}>
          {route.id}
        </TextLink>
      </Table.Td>
      <Table.Td className={classes.text}>{route.name}</Table.Td>
      <Table.Td>
        <Dot tone={route.enabled ? 'good' : 'off'}>{route.enabled ? 'enabled' : 'disabled'}</Dot>
      </Table.Td>
      <Table.Td>
        <Few items={route.uris} code />
      </Table.Td>
      <Table.Td>{route.methods.length === 0 ? <span className="faint">all</span> : <Few items={route.methods} />}</Table.Td>
      <Table.Td>{route.hosts.length === 0 ? <span className="faint">any</span> : <Few items={route.hosts} />}</Table.Td>
      <Table.Td className={classes.text}>
        <code>{route.upstream}</code>
      </Table.Td>
      <Table.Td>
        <Few items={route.plugins} />
      </Table.Td>
      <Table.Td ta="right" className="mono number">
        <TextLink
          to="/events/$revision"
          params={{ revision: route.revision }}
          aria-label={`Event ${route.revision}, last change of route ${route.id}`}
        >
          {route.revision}
        </TextLink>
      </Table.Td>
    </Table.Tr>
  );
}

const FEW = 2;

/** The first entries of a list; the rest is in the tooltip. */
function Few({ items, code = false }: { items: string[]; code?: boolean }) {
  const text = items.slice(0, FEW).join(', ');
  const rest = items.length - FEW;
  const content = (
    <span className={code ? `${classes.text} mono` : classes.text}>
      {text}
      {rest > 0 && <span className="faint"> +{rest}</span>}
    </span>
  );
  return rest > 0 ? (
    <Tooltip multiline maw={360} label={items.join(', ')}>
      {content}
    </Tooltip>
  ) : (
    content
  );
}
