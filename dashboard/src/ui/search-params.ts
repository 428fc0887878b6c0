/**
 * Readers for what stands in the address. People edit addresses and old links live long: what cannot be understood
 * reads as absent, never as an error.
 */

const MAX_LENGTH = 200;

export type Search = Record<string, unknown>;

export function text(value: unknown): string | undefined {
  const trimmed = typeof value === 'string' ? value.trim() : '';
  return trimmed === '' || trimmed.length > MAX_LENGTH ? undefined : trimmed;
}

export function oneOf<const T extends string>(allowed: readonly T[], value: unknown): T | undefined {
  return allowed.find((candidate) => candidate === value);
}

/** A revision of the log: 1, 2, 3 … */
export function revision(value: unknown): number | undefined {
  const number = typeof value === 'number' ? value : typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : 0;
  return Number.isSafeInteger(number) && number > 0 ? number : undefined;
}
