import type { PlannedChange } from '../api/types';
import { FieldDiff } from '../diff/FieldDiff';
import { Dot } from '../ui/Dot';
import classes from './PlanView.module.css';

const TONES = { create: 'good', update: 'info', delete: 'bad' } as const;

/** One line per key, which opens to the fields that change. */
export function PlanView({ changes }: { changes: PlannedChange[] }) {
  const isSingle = changes.length === 1;
  return (
    <ul className={classes.plan} aria-label="Planned changes">
      {changes.map((change) => (
        <li key={change.key}>
          <details open={isSingle}>
            <summary className={classes.summary}>
              <span className={classes.action}>
                <Dot tone={TONES[change.action]}>{change.action}</Dot>
              </span>
              <span className="break">
                {change.kind && change.id ? `${change.kind} ${change.id}` : change.key}
              </span>
              <code className={classes.key}>{change.key}</code>
            </summary>
            <FieldDiff before={change.before} after={change.after} label={`Planned fields of ${change.key}`} />
          </details>
        </li>
      ))}
    </ul>
  );
}
