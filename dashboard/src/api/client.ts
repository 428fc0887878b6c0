/**
 * The one place that talks to the control plane. Paths, parameters and bodies are checked against its contract;
 * every answer that is not a success becomes an `ApiError` with a sentence that can be shown to a person.
 */
import createClient from 'openapi-fetch';
import type { paths } from './schema';

/** Status 0 means that no answer came at all. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
  }
}

const UNREACHABLE = 'The control plane cannot be reached. Data planes go on serving with what they have.';

export const api = createClient<paths>({
  baseUrl: window.location.origin,
  credentials: 'same-origin',
  headers: { Accept: 'application/json' },
  fetch: send,
});

/** The body of a success; failures have been thrown before. */
export async function bodyOf<T>(answer: Promise<{ data?: unknown; response: Response }>): Promise<T> {
  try {
    return (await answer).data as T;
  } catch (error) {
    if (error instanceof SyntaxError) throw new ApiError(502, 'The answer of the control plane is not JSON.');
    throw error;
  }
}

async function send(request: Request): Promise<Response> {
  // The session cookie alone must not be enough for a write: a foreign page cannot set this header.
  if (request.method !== 'GET') request.headers.set('X-Requested-With', 'portolan');
  let response: Response;
  try {
    response = await fetch(request);
  } catch (cause) {
    if (request.signal.aborted) throw cause;
    throw new ApiError(0, UNREACHABLE);
  }
  if (!response.ok) throw new ApiError(response.status, await errorMessage(response));
  return response;
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
