// Requests to the admin API of this server. The session is a cookie; the server refuses other origins.

/** Refused is an answer that is not a success. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

/** Away is thrown if the server could not be reached. */
export class Away extends Error {
  constructor() {
    super('The server cannot be reached.')
  }
}

export interface Answer<T> {
  body: T
  etag: string
}

export interface Request {
  body?: unknown
  /** A text that is sent as it is. */
  text?: string
  type?: string
  etag?: string
  /** The same for every attempt of one change, so that it is made once. */
  key?: string
}

const timeout = 30_000

export async function call<T>(method: string, path: string, request: Request = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (request.etag) headers['If-Match'] = request.etag
  if (request.key) headers['Idempotency-Key'] = request.key
  let body: string | undefined
  if (request.text !== undefined) {
    body = request.text
    headers['Content-Type'] = request.type ?? 'text/plain'
  } else if (request.body !== undefined) {
    body = JSON.stringify(request.body)
    headers['Content-Type'] = 'application/json'
  }
  let response: Response
  try {
    response = await fetch(`/api/v1${path}`, { method, headers, body, signal: AbortSignal.timeout(timeout) })
  } catch {
    throw new Away()
  }
  const text = await response.text()
  if (!response.ok) throw new Refused(response.status, reason(text, response.status))
  const json = response.headers.get('Content-Type')?.includes('json')
  return { body: (json && text ? JSON.parse(text) : text) as T, etag: response.headers.get('ETag') ?? '' }
}

/** reason is what a problem says (RFC 9457). */
function reason(text: string, status: number): string {
  try {
    const problem = JSON.parse(text) as { detail?: string; title?: string; errors?: { detail?: string }[] }
    return problem.detail ?? problem.errors?.[0]?.detail ?? problem.title ?? `The server answered with status ${status}.`
  } catch {
    return `The server answered with status ${status}.`
  }
}

export const newKey = () => crypto.getRandomValues(new Uint8Array(16)).reduce((s, b) => s + b.toString(16).padStart(2, '0'), '')
