import { Table, Text } from '@mantine/core';
import type { Json } from '../api/types';
import { fieldDiff, type FieldChange } from './fields';
import classes from './diff.module.css';

const SIGNS = { added: '+', removed: '−', changed: '±' } as const;

/** One row per field that differs. */
export function FieldDiff({ before, after, label }: { before: Json; after: Json; label: string }) {
  const changes = fieldDiff(before, after);
  if (changes.length === 0) {
    return (
      <Text size="sm" p="sm" className="faint">
        No field differs.
      </Text>
    );
  }
  return (
    <Table.ScrollContainer minWidth={480}>
      <Table aria-label={label} layout="fixed" className={classes.fields}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th w="30%">Field</Table.Th>
            <Table.Th w="35%">Before</Table.Th>
            <Table.Th w="35%">After</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {changes.map((change) => (
            <Table.Tr key={change.path}>
              <Table.Td>
                <div className={classes.field}>
                  <span className={classes.sign} data-kind={change.kind} role="img" aria-label={change.kind}>
                    {SIGNS[change.kind]}
                  </span>
                  <code className="break">{change.path || '(whole value)'}</code>
                </div>
              </Table.Td>
              <Table.Td>
                <Value value={change.before} side="before" change={change} />
              </Table.Td>
              <Table.Td>
                <Value value={change.after} side="after" change={change} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

const ONE_LINE = 48;

/** Small lists and objects stand on one line. */
function shortJson(value: Json): string {
  const lines = JSON.stringify(value, null, 1);
  const line = lines.replaceAll(/\n\s*/g, ' ');
  return line.length <= ONE_LINE ? line : lines;
}

interface ValueProps {
  value: Json | undefined;
  side: 'before' | 'after';
  change: FieldChange;
}

function Value({ value, side, change }: ValueProps) {
  if (value === undefined) return <span className="faint">–</span>;
  const isMarked = change.kind === 'changed' || change.kind === (side === 'before' ? 'removed' : 'added');
  return (
    <code className={classes.value} data-side={isMarked ? side : undefined}>
      {shortJson(value)}
    </code>
  );
}
