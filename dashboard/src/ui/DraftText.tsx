import { useDebouncedCallback } from '@mantine/hooks';
import { useState, type ReactNode } from 'react';

const TYPING_PAUSE_MS = 350;

interface Field {
  value: string;
  onChange: (value: string) => void;
}

interface Props {
  value: string;
  onCommit: (value: string) => void;
  children: (field: Field) => ReactNode;
}

/** A text whose truth is elsewhere (in the address) and which is handed over when the typing pauses. */
export function DraftText({ value, onCommit, children }: Props) {
  const [draft, setDraft] = useState(value);
  const [seen, setSeen] = useState(value);
  const [committed, setCommitted] = useState(value);
  const commit = useDebouncedCallback((next: string) => {
    setCommitted(next.trim());
    onCommit(next);
  }, TYPING_PAUSE_MS);

  // Not the echo of our own commit but a change from outside (back button, cleared filters): follow it.
  if (value !== seen) {
    setSeen(value);
    if (value !== committed) {
      setDraft(value);
      setCommitted(value);
    }
  }

  return children({
    value: draft,
    onChange: (next) => {
      setDraft(next);
      commit(next);
    },
  });
}
