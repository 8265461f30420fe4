/**
 * Stands between a phone and the server and breaks one request, as it was told: links that die before, in the middle of and
 * after a request or its answer, requests that arrive twice, answers of a proxy that knows nothing of us.
 */
import http from "node:http";
import type { AddressInfo } from "node:net";

/** `status-…`: the server never sees the request; `late-status-…`: it does, but its answer is lost. */
export const FAULTS = [
  "refuse",
  "half-up",
  "cut",
  "half-down",
  "twice",
  "late",
  ...["202", "401", "413", "500", "502", "503"].flatMap((status) => [`status-${status}`, `late-status-${status}`]),
];

/** What the power cut takes while a request is under way; `Proxy.kill` does it and comes back when all runs again. */
export const KILLS = ["kill-server", "kill-store"];
const LIFE = 60; // ms within which a request under way is killed

interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
}

export class Proxy {
  url = "";
  /** how many faults have happened */
  fired = 0;
  kill: (what: string) => Promise<void> = () => Promise.reject(new Error("nothing to kill"));
  private armed: { left: number; fault: string; share: number } | undefined;
  private readonly server = http.createServer((request, response) => {
    this.relay(request, response).catch(() => response.destroy());
  });

  constructor(private readonly target: URL) {}

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  /** Break the request after the next `left`, at this share of its bytes where the fault is in their middle. */
  arm(left: number, fault: string, share: number): void {
    this.armed = { left, fault, share };
  }

  heal(): void {
    this.armed = undefined;
  }

  private async relay(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = await whole(request);
    const armed = this.armed;
    if (!armed || armed.left-- > 0) return give(response, await this.forward(request, body));
    this.armed = undefined;
    this.fired++;
    const { fault, share } = armed;
    const status = Number(/status-(\d+)/.exec(fault)?.[1] ?? 0);
    if (KILLS.includes(fault)) {
      void this.forward(request, body).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, share * LIFE));
      await this.kill(fault);
      return void response.destroy();
    }
    if (fault === "refuse") return void response.destroy();
    if (fault === "half-up") {
      await this.forward(request, body, share).catch(() => undefined);
      return void response.destroy();
    }
    if (status && !fault.startsWith("late-")) return give(response, page(status));
    if (fault === "twice") await this.forward(request, body);
    const answer = await this.forward(request, body);
    if (fault === "cut") return void response.destroy();
    if (status) return give(response, page(status));
    if (fault === "late") await new Promise((resolve) => setTimeout(resolve, 100));
    if (fault !== "half-down") return give(response, answer);
    response.writeHead(answer.status, answer.headers);
    response.write(answer.body.subarray(0, Math.floor(answer.body.length * share)));
    setImmediate(() => response.destroy());
  }

  /** @param share of the body after which the link to the server dies */
  private forward(request: http.IncomingMessage, body: Buffer, share?: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = { ...request.headers, host: this.target.host, "content-length": body.length };
      const asked = http.request(new URL(request.url ?? "/", this.target), { method: request.method, headers, agent: false }, (from) => {
        whole(from).then((all) => resolve({ status: from.statusCode ?? 0, headers: clean(from.headers), body: all }), reject);
      });
      asked.on("error", reject);
      if (share === undefined) return void asked.end(body);
      asked.write(body.subarray(0, Math.floor(body.length * share)));
      setTimeout(() => asked.destroy(), 5);
    });
  }
}

async function whole(stream: AsyncIterable<Uint8Array<ArrayBuffer>>): Promise<Buffer> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const clean = ({ "transfer-encoding": _, connection: __, ...headers }: http.IncomingHttpHeaders) => headers;

/** What a proxy in front of the server says of its own accord. */
const page = (status: number): Answer => ({ status, headers: { "content-type": "text/html" }, body: Buffer.from(`<h1>${status}</h1>`) });

function give(response: http.ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...headers, "content-length": body.length });
  response.end(body);
}
