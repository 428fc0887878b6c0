import { SegmentedControl } from '@mantine/core';
import { useState } from 'react';
import type { Json } from '../api/types';
import { Panel } from '../ui/Panel';
import { FieldDiff } from './FieldDiff';
import { SideBySide } from './SideBySide';

type Mode = 'fields' | 'sides';

/** What happened to one key: as a list of fields, or as the two documents side by side. */
export function ChangeView({ title, before, after }: { title: string; before: Json; after: Json }) {
  // A created or deleted object is best read whole, a changed one by its fields.
  const [mode, setMode] = useState<Mode>(before === null || after === null ? 'sides' : 'fields');
  return (
    <Panel
      flush
      title={title}
      actions={
        <SegmentedControl<Mode>
          size="xs"
          aria-label={`How to show ${title}`}
          value={mode}
          onChange={setMode}
          data={[
            { value: 'fields', label: 'Fields' },
            { value: 'sides', label: 'Side by side' },
          ]}
        />
      }
    >
      {mode === 'fields' ? (
        <FieldDiff before={before} after={after} label={`Changed fields of ${title}`} />
      ) : (
        <SideBySide before={before} after={after} label={`${title} before and after`} />
      )}
    </Panel>
  );
}
