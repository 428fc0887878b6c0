/** The compass rose of Portolan. Decorative: the name stands beside it. */
export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true" focusable="false">
      <g stroke="currentColor" strokeWidth=".7" fill="none" opacity=".55">
        <circle cx="16" cy="16" r="11.5" />
        <path d="M16 1v30M1 16h30M5.4 5.4l21.2 21.2M26.6 5.4L5.4 26.6" />
      </g>
      <path
        d="M16 16l5-5-3.2 5 3.2 5zM16 16l-5 5 3.2-5-3.2-5z"
        fill="currentColor"
        opacity=".6"
      />
      <path d="M29 16l-11 2.1-2-2.1 2-2.1zM3 16l11-2.1 2 2.1-2 2.1zM16 29l-2.1-11 2.1-2 2.1 2z" fill="currentColor" />
      <path d="M16 2l2.1 12-2.1 2-2.1-2z" fill="var(--rubric)" />
    </svg>
  );
}
