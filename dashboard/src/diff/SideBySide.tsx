import { UnstyledButton } from '@mantine/core';
import { useMemo, useState } from 'react';
import type { Json } from '../api/types';
import { JsonLine } from '../ui/JsonView';
import { fold, lineDiff, type Row } from './lines';
import classes from './diff.module.css';

/** Before and after, line by line; long runs without a difference are folded. */
export function SideBySide({ before, after, label }: { before: Json; after: Json; label: string }) {
  const blocks = useMemo(() => fold(lineDiff(before, after)), [before, after]);
  return (
    // A region that scrolls must be reachable by keyboard.
    <div className={classes.scroll} tabIndex={0} role="region" aria-label={label}>
      <table className={classes.sides}>
        <colgroup>
          <col className={classes.gutter} />
          <col />
          <col className={classes.gutter} />
          <col />
        </colgroup>
        <thead>
          <tr>
            <th colSpan={2} scope="colgroup">
              Before{before === null && <span className="faint"> · absent</span>}
            </th>
            <th colSpan={2} scope="colgroup">
              After{after === null && <span className="faint"> · absent</span>}
            </th>
          </tr>
        </thead>
        {blocks.map((block) => {
          const first = block.rows[0];
          const key = `${first?.left?.number ?? '-'}:${first?.right?.number ?? '-'}`;
          return block.kind === 'folded' ? <Folded key={key} rows={block.rows} /> : <Rows key={key} rows={block.rows} />;
        })}
      </table>
    </div>
  );
}

function Folded({ rows }: { rows: Row[] }) {
  const [isOpen, setOpen] = useState(false);
  if (isOpen) return <Rows rows={rows} />;
  return (
    <tbody>
      <tr>
        <td colSpan={4} className={classes.folded}>
          <UnstyledButton fz="inherit" onClick={() => setOpen(true)}>
            Show {rows.length} unchanged lines
          </UnstyledButton>
        </td>
      </tr>
    </tbody>
  );
}

function Rows({ rows }: { rows: Row[] }) {
  return (
    <tbody>
      {rows.map((row) => (
        <tr key={`${row.left?.number ?? '-'}:${row.right?.number ?? '-'}`}>
          <Side cell={row.left} mark={row.kind === 'changed' || row.kind === 'removed' ? 'before' : undefined} />
          <Side cell={row.right} mark={row.kind === 'changed' || row.kind === 'added' ? 'after' : undefined} />
        </tr>
      ))}
    </tbody>
  );
}

function Side({ cell, mark }: { cell: Row['left']; mark: 'before' | 'after' | undefined }) {
  if (!cell) return <td colSpan={2} className={classes.absent} />;
  return (
    <>
      <td className={classes.line} data-side={mark}>
        {cell.number}
      </td>
      <td className={classes.text} data-side={mark}>
        {mark === undefined ? <JsonLine text={cell.text} /> : cell.text}
      </td>
    </>
  );
}
