import type { Outcome } from '../api/types';
import { Dot } from '../ui/Dot';
import { OUTCOME_TONES } from './words';

export function OutcomeMark({ outcome }: { outcome: Outcome }) {
  return <Dot tone={OUTCOME_TONES[outcome]}>{outcome}</Dot>;
}
