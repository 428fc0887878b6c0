import classes from './RhumbField.module.css';

const WINDS = 16;
const RADIUS = 420;
const CENTRE = 500;

interface Line {
  key: string;
  wind: 'whole' | 'half' | 'quarter';
  d: string;
}

/**
 * The net of a portolan chart: sixteen points on a hidden circle, each joined to the others.
 * As on the charts, the whole winds are drawn in ink, the half winds in green, the quarter winds in red.
 */
function rhumbLines(): Line[] {
  const points = Array.from({ length: WINDS }, (_, wind) => {
    const angle = (wind / WINDS) * 2 * Math.PI;
    return [round(CENTRE + RADIUS * Math.sin(angle)), round(CENTRE - RADIUS * Math.cos(angle))] as const;
  });
  return points.flatMap(([x1, y1], from) =>
    points.flatMap(([x2, y2], to) => {
      // The chord from point `from` to point `to` runs in the direction of the wind (from + to) / 2 + 4.
      if (to <= from + 1 || to - from === WINDS - 1) return [];
      const direction = (from + to) % 4;
      const wind = direction === 0 ? 'whole' : direction === 2 ? 'half' : 'quarter';
      return [{ key: `${from}-${to}`, wind, d: `M${x1} ${y1}L${x2} ${y2}` } satisfies Line];
    }),
  );
}

const round = (value: number) => Math.round(value * 10) / 10;
const LINES = rhumbLines();

export function RhumbField() {
  return (
    <svg className={classes.field} viewBox="0 0 1000 1000" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
      {LINES.map((line) => (
        <path key={line.key} className={classes[line.wind]} d={line.d} />
      ))}
    </svg>
  );
}
