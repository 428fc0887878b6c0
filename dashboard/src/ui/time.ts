const two = (value: number) => String(value).padStart(2, '0');

/** `2026-11-23 07:40:00` in the local zone: sorts as text and lines up in tables. Bad input is shown as it is. */
export function localTime(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
