import type { ReactNode } from 'react';
import classes from './Dot.module.css';

export type Tone = 'good' | 'info' | 'warn' | 'bad' | 'off';

/** A state in a word, with a quiet mark when it is as it should be and a loud one when it is not. */
export function Dot({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className={classes.dot} data-tone={tone}>
      {children}
    </span>
  );
}
