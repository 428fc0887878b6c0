import type { PlannedChange, Rollback } from '../api/types';
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

/** What the old state names and does not hold; the rollback is allowed all the same. */
export function BrokenReferences({ broken }: { broken: Rollback['broken_references'] }) {
  if (broken.length === 0) return null;
  return (
    <div className={classes.broken} role="note">
      <strong>The state at that revision has references that lead nowhere:</strong>
      <ul>
        {broken.map(({ key, kind, id }) => (
          <li key={`${key} ${kind} ${id}`} className="break">
            <code>{key}</code> names {kind} {id}
          </li>
        ))}
      </ul>
    </div>
  );
}
