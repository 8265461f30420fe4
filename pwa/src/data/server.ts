/**
 * Requests to our own server: JSON in and out, each with a time limit, each failure one of two errors.
 *
 * `Unreachable` means that nobody knows whether the server acted; `Rejected` is its answer, with its stable code.
 */
export class Unreachable extends Error {
  constructor(
    readonly code: "unreachable" | "timeout" | "not-the-server",
    cause?: unknown,
  ) {
    super(code, { cause });
  }
}

export class Rejected extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly reason: string,
    /** not our server has answered but something in front of it, which knows nothing of us */
    readonly foreign = false,
  ) {
    super(`${status} ${code}: ${reason}`);
  }
}

const WORTH_PACKING = 2_000; // characters

/** Compressed for the way up, which is the slow one; as it is where the browser cannot. */
async function packed(text: string, headers: HeadersInit): Promise<BodyInit> {
  if (typeof CompressionStream === "undefined") return text;
  Object.assign(headers, { "Content-Encoding": "gzip" });
  return new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;
export interface Answer<T> {
  status: number;
  body: T;
  headers: Headers;
}

export class Server {
  /** which of this browser's cookies says who asks: on a phone that people share each has one */
  slot = "";

  constructor(
    private readonly fetch: Fetch = (url, init) => globalThis.fetch(url, init),
    private readonly base = "",
  ) {}

  /** @param early called with the headers of an answer that is none of errors, before its body has come */
  get<T>(path: string, seconds = 30, early?: (headers: Headers) => void): Promise<Answer<T>> {
    return this.request("GET", path, undefined, seconds, { early });
  }

  /** @param text the body, as JSON text */
  post<T>(path: string, text: string, seconds = 30, slot = this.slot, signal?: AbortSignal): Promise<Answer<T>> {
    return this.request("POST", path, text, seconds, { slot, signal });
  }

  private async request<T>(
    method: string,
    path: string,
    text: string | undefined,
    seconds: number,
    { early, slot = this.slot, signal }: { early?: ((headers: Headers) => void) | undefined; slot?: string; signal?: AbortSignal | undefined } = {},
  ): Promise<Answer<T>> {
    const limit = new AbortController();
    const stop = () => limit.abort();
    const timer = setTimeout(stop, seconds * 1000);
    signal?.addEventListener("abort", stop);
    const init: RequestInit = { method, signal: limit.signal, credentials: "same-origin", cache: "no-store" };
    init.headers = {
      Accept: "application/json",
      ...(text !== undefined && { "Content-Type": "application/json" }),
      ...(slot && { "X-GTN-Slot": slot }),
    };
    if (text !== undefined) init.body = text.length < WORTH_PACKING || !path.startsWith("/sync/") ? text : await packed(text, init.headers);
    try {
      const response = await this.fetch(this.base + path, init);
      if (response.ok) early?.(response.headers);
      const answer = await response.text();
      return read<T>(response, answer);
    } catch (error) {
      if (error instanceof Rejected || error instanceof Unreachable) throw error;
      throw new Unreachable(limit.signal.aborted ? "timeout" : "unreachable", error);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A sign-in page of some Wi-Fi answers 200 with HTML: what is not JSON is not our server. */
function read<T>(response: Response, text: string): Answer<T> {
  let body: unknown;
  try {
    body = text === "" ? undefined : JSON.parse(text);
  } catch (error) {
    if (response.ok) throw new Unreachable("not-the-server", error);
  }
  if (response.ok) return { status: response.status, body: body as T, headers: response.headers };
  const { error, reason } = (body ?? {}) as { error?: unknown; reason?: unknown };
  if (typeof error !== "string") throw new Rejected(response.status, "server-error", "", true);
  throw new Rejected(response.status, error, typeof reason === "string" ? reason : "");
}
