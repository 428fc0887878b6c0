import { Autocomplete, Button, Group, NativeSelect, TextInput } from '@mantine/core';
import { IconFilterOff } from '@tabler/icons-react';
import { OUTCOMES, type EventFilter } from '../api/types';
import { DraftText } from '../ui/DraftText';
import { ACTIONS, eventSearch, RESOURCE_KINDS } from './search';

interface Props {
  search: EventFilter;
  onChange: (search: EventFilter) => void;
}

export function EventFilters({ search, onChange }: Props) {
  const set = (field: keyof EventFilter) => (value: string) => {
    onChange(eventSearch({ ...search, [field]: value }));
  };
  const isFiltered = Object.values(search).some((value) => value !== undefined);
  return (
    <Group role="search" aria-label="Filter events" gap="xs" align="flex-end" mb="sm">
      <DraftText value={search.action ?? ''} onCommit={set('action')}>
        {(field) => <Autocomplete {...field} label="Action" placeholder="any" data={ACTIONS} w={150} maxDropdownHeight={260} />}
      </DraftText>
      <NativeSelect
        label="Outcome"
        value={search.outcome ?? ''}
        onChange={(change) => set('outcome')(change.currentTarget.value)}
        data={[{ value: '', label: 'any' }, ...OUTCOMES]}
        w={110}
      />
      <DraftText value={search.actor ?? ''} onCommit={set('actor')}>
        {({ value, onChange: edit }) => (
          <TextInput
            label="Actor"
            placeholder="any"
            w={130}
            value={value}
            onChange={(change) => edit(change.currentTarget.value)}
          />
        )}
      </DraftText>
      <DraftText value={search.resource_kind ?? ''} onCommit={set('resource_kind')}>
        {(field) => <Autocomplete {...field} label="Resource kind" placeholder="any" data={RESOURCE_KINDS} w={130} />}
      </DraftText>
      <DraftText value={search.resource_id ?? ''} onCommit={set('resource_id')}>
        {({ value, onChange: edit }) => (
          <TextInput
            label="Resource id"
            placeholder="any"
            w={130}
            value={value}
            onChange={(change) => edit(change.currentTarget.value)}
          />
        )}
      </DraftText>
      {isFiltered && (
        <Button variant="default" leftSection={<IconFilterOff size={14} />} onClick={() => onChange({})}>
          Clear filters
        </Button>
      )}
    </Group>
  );
}
