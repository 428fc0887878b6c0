import { Tooltip } from '@mantine/core';
import { localTime } from './time';

/** A moment in the reader's own time zone; the exact record, in UTC, is in the tooltip. */
export function Time({ at }: { at: string }) {
  return (
    <Tooltip label={at}>
      <time dateTime={at} className="number nowrap">
        {localTime(at)}
      </time>
    </Tooltip>
  );
}
