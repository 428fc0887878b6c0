/**
 * The one place that talks to the control plane. Every answer that is not a success becomes an `ApiError`
 * with a sentence that can be shown to a person.
 */

/** Status 0 means that no answer came at all. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

export type Query = Record<string, string | number | undefined>;

interface Options {
  query?: Query;
  body?: unknown;
  signal?: AbortSignal | undefined;
}

const UNREACHABLE = 'The control plane cannot be reached. Data planes go on serving with what they have.';

export function get<T>(path: string, options: Options = {}): Promise<T> {
  return request<T>('GET', path, options);
}

export function post<T>(path: string, options: Options = {}): Promise<T> {
  return request<T>('POST', path, options);
}

async function request<T>(method: string, path: string, { query, body, signal }: Options): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  // The session cookie alone must not be enough for a write: a foreign page cannot set this header.
  if (method !== 'GET') headers['X-Requested-With'] = 'portolan';
  if (body !== undefined) headers['Content-Type'] = 'application/json';

  let response: Response;
  try {
    response = await fetch(withQuery(path, query), {
      method,
      headers,
      credentials: 'same-origin',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError(0, UNREACHABLE);
  }

  if (!response.ok) throw new ApiError(response.status, await errorMessage(response));
  if (response.status === 204) return undefined as T;
  try {
    return (await response.json()) as T;
  } catch {
    throw new ApiError(response.status, `The answer to ${method} ${path} is not JSON.`);
  }
}

/** Appends the parameters that have a value, in the order given. */
export function withQuery(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? path : `${path}?${text}`;
}

async function errorMessage(response: Response): Promise<string> {
  const said = messageOf(await response.text().catch(() => ''));
  const message = said ?? `The control plane answered ${response.status}`;
  const retryAfter = response.headers.get('Retry-After');
  return response.status === 503 && retryAfter ? `${message}; try again in ${retryAfter} s` : message;
}

function messageOf(text: string): string | undefined {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && 'error_msg' in body && typeof body.error_msg === 'string') {
      return body.error_msg;
    }
  } catch {
    // A proxy in between may answer with HTML: the status alone is then the message.
  }
  return undefined;
}
