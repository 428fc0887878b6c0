import { CopyButton, Tooltip, ActionIcon } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import type { Json } from '../api/types';
import { tokensOf } from './json-tokens';
import classes from './JsonView.module.css';

export function JsonView({ value, label }: { value: Json; label: string }) {
  const text = JSON.stringify(value, null, 2);
  return (
    <div className={classes.frame}>
      <div className={classes.copy}>
        <CopyText text={text} label={`Copy ${label}`} />
      </div>
      {/* A region that scrolls must be reachable by keyboard. */}
      <pre className={classes.code} tabIndex={0} role="region" aria-label={label}>
        {text.split('\n').map((line, index) => (
          // Lines have no identity but their place.
          // oxlint-disable-next-line react/no-array-index-key
          <JsonLine key={index} text={`${line}\n`} />
        ))}
      </pre>
    </div>
  );
}

export function JsonLine({ text }: { text: string }) {
  return tokensOf(text).map((token) =>
    token.kind === 'plain' ? (
      token.text
    ) : (
      <span key={token.start} className={classes[token.kind]}>
        {token.text}
      </span>
    ),
  );
}

export function CopyText({ text, label }: { text: string; label: string }) {
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : label}>
          <ActionIcon size="sm" onClick={copy} aria-label={copied ? 'Copied' : label}>
            {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}
