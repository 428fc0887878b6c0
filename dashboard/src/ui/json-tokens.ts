/** Splits a line of pretty-printed JSON into coloured parts. */
export interface Token {
  kind: 'key' | 'string' | 'number' | 'word' | 'plain';
  text: string;
  start: number;
}

const PART = /(?<string>"(?:[^"\\]|\\.)*")(?<colon>\s*:)?|(?<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?<word>true|false|null)/g;

export function tokensOf(line: string): Token[] {
  const tokens: Token[] = [];
  let last = 0;
  const push = (kind: Token['kind'], start: number, end: number) => {
    if (end > start) tokens.push({ kind, text: line.slice(start, end), start });
  };
  for (const match of line.matchAll(PART)) {
    const { string, colon, number } = match.groups ?? {};
    const end = match.index + (string ?? match[0]).length;
    push('plain', last, match.index);
    push(string ? (colon ? 'key' : 'string') : number ? 'number' : 'word', match.index, end);
    last = end;
  }
  push('plain', last, line.length);
  return tokens;
}
