/** A server in memory that speaks the little that the phone uses; the connection can be cut before or after it acts. */
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import type { Fetch } from "../src/data/server";
import type { Invited, Session } from "../src/data/types";

export type Cut = "before" | "after" | undefined;
type Body = { _id: string; _rev: string; _revisions: { start: number; ids: string[] }; [more: string]: unknown };

export class FakeServer {
  readonly documents = new Map<string, Map<string, Body>>();
  readonly requests: string[] = [];
  /** what came with each request, also of those whose answer was cut */
  readonly bodies: { path: string; body: unknown }[] = [];
  /** addresses of requests whose body came compressed */
  readonly packed: string[] = [];
  /** how many times each revision came in */
  readonly arrivals = new Map<string, number>();
  cut: (path: string) => Cut = () => undefined;
  refuses: (document: Body) => boolean = () => false;
  answers: (path: string) => Response | undefined = () => undefined;
  /** changes in one chunk of the first sync */
  chunkOf = 1000;
  generation = "g1";
  escrow = "A".repeat(43);
  /** whose a phone with records is, for the invitation that is looked at */
  phone: Invited["phone"] = "own";
  /** people beside the phone's own, by login: each with a device and a key of their own */
  readonly others = new Map<string, { person: string; device: string; escrow: string }>();
  /** whom invitations are for, when it is not the phone's own person */
  invited: { person: string; device: string; escrow: string } | undefined;
  /** the unit whose database it is; those that the phone's person has left, and what came from there for review */
  unit = "tdp-07";
  ended = false;
  readonly left = new Map<string, Map<string, Map<string, Body>>>();
  readonly reviewed = new Map<string, Body>();
  /** what the ward has decided about refused records */
  readonly outcomes: { id: string; rev: string; outcome: string; at: string; message?: string; accepted?: string }[] = [];
  /** what came into the database of the unit's photos, and how often */
  readonly photos = new Map<string, Body>();
  /** called when a push has come in, before it is answered */
  during: () => Promise<void> = async () => undefined;
  private readonly erased = new Set<string>();
  private readonly seqs = new Map<string, number>();
  private seq = 0;

  /** The way to the server for one signed-in person. */
  fetchFor(person: string, device = "device:01ARZ3NDEKTSV4RRFFQ69G5FAV"): Fetch {
    const cookies = new Map<string, { person: string; device: string; escrow?: string }>();
    return async (url, init) => {
      const path = url.replace(/\?.*/, "");
      this.requests.push(`${init.method} ${path}`);
      const cut = this.cut(path);
      if (cut === "before") throw new TypeError("Failed to fetch");
      const ready = this.answers(path);
      if (ready) return ready;
      const text = typeof init.body === "string" ? init.body : init.body ? gunzipSync(new Uint8Array(init.body as ArrayBuffer)).toString() : "{}";
      const body = JSON.parse(text) as { docs: never[] };
      if (typeof init.body !== "string" && init.body) this.packed.push(path);
      this.bodies.push({ path, body });
      const slot = ((init.headers ?? {}) as Record<string, string>)["X-GTN-Slot"] ?? "";
      const { login = "" } = body as { login?: string };
      if (path === "/api/sign-in") cookies.set(slot, this.others.get(login) ?? { person, device });
      if (path === "/api/enrol") cookies.set(slot, this.invited ?? { person, device });
      const { escrow = this.escrow, ...who } = cookies.get(slot) ?? { person, device };
      if (path === "/api/sign-out") cookies.delete(slot);
      const answering = this.answer(new URL(url, "http://phone.test"), body, who.person, who.device, escrow);
      const given = new Promise<never>((_, reject) => init.signal?.addEventListener("abort", () => reject(new DOMException("given up", "AbortError"))));
      const response = await Promise.race([answering, given]);
      if (cut === "after") throw new TypeError("Failed to fetch");
      return response;
    };
  }

  leaves(id: string): string[] {
    const revs = this.documents.get(id) ?? new Map<string, Body>();
    // all ancestors, not only parents: a revision between two pushes is known by name alone
    const ancestors = ({ _revisions: { start, ids } }: Body) => ids.slice(1).map((hash, at) => `${start - 1 - at}-${hash}`);
    const parents = new Set([...revs.values()].flatMap(ancestors));
    return [...revs.keys()].filter((rev) => !parents.has(rev));
  }

  /** All that the server knows as a revision or as the ancestor of one. */
  knows(id: string, rev: string): boolean {
    const all = [...(this.documents.get(id)?.values() ?? [])];
    return all.some(({ _revisions: { start, ids } }) => ids.some((hash, at) => `${start - at}-${hash}` === rev));
  }

  put(document: Body): void {
    const revs = this.documents.get(document._id) ?? new Map<string, Body>();
    this.documents.set(document._id, revs);
    if (this.knows(document._id, document._rev)) return;
    revs.set(document._rev, document);
    this.seqs.set(document._id, ++this.seq);
  }

  /** As sync/erasing.py: a tombstone that says nothing on every leaf, no body before it, and no way back. */
  erase(id: string): void {
    this.erased.add(id);
    const revs = this.documents.get(id) ?? new Map<string, Body>();
    const leaves = this.leaves(id).map((rev) => revs.get(rev) as Body);
    revs.clear();
    for (const { _revisions: { start, ids } } of leaves) {
      const name = createHash("md5").update(`${ids[0]}`).digest("hex");
      this.put({ _id: id, _rev: `${start + 1}-${name}`, _deleted: true, _revisions: { start: start + 1, ids: [name, ...ids] } });
    }
  }

  /** The person belongs to another unit now, whose database is empty. */
  moveTo(unit: string): void {
    this.left.set(this.database, new Map(this.documents));
    this.documents.clear();
    this.seqs.clear();
    this.unit = unit;
    this.left.delete(this.database);
  }

  get database(): string {
    return `w09562-${this.unit}`;
  }

  lose(): void {
    this.documents.clear();
    this.seqs.clear();
    this.generation = "g2";
  }

  session(person: string, device: string): Session {
    return {
      time: new Date().toISOString(),
      person: { id: person, name: person === "person:nam" ? "Nam" : "Hoa", role: "volunteer", login: person === "person:nam" ? "nam" : "hoa" },
      may: ["phone", "record-visits", "signed-in", "sync"],
      device,
      ward: { code: "09562", name: "Yên Nghĩa" },
      unit: { code: this.unit, name: `Tổ ${this.unit.slice(-1)}`, kind: "team" },
      card: { number: "482915", secret: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" },
      members: { "person:hoa": "Nguyễn Thị Hoa" },
      mark: `${person} ${device} ${this.generation} ${this.unit}`,
      database: this.database,
      update_seq: `${this.seq}-x`,
      catalog: "/catalog/none.json",
      generation: this.generation,
    };
  }

  /** Whoever holds the same session already is told only what is fresh. */
  private hello(session: Session, body: { mark?: string; refused?: number }): Partial<Session> {
    const { time, mark, update_seq, generation } = session;
    const told = mark !== undefined && body.mark === mark ? { time, mark, update_seq, generation } : session;
    return body.refused ? { ...told, decided: this.outcomes.length } : told;
  }

  private async answer(
    url: URL,
    body: { docs: never[]; mark?: string; refused?: number; device?: unknown },
    person: string,
    device: string,
    escrow: string,
  ): Promise<Response> {
    const [, database = ""] = /^\/sync\/([^/]+)/.exec(url.pathname) ?? [];
    const known = this.ended && database === this.database ? this.documents : this.left.get(database);
    if (known && url.pathname.endsWith("/_bulk_docs")) return this.review(body, known);
    const photographed = known ?? this.left.get(database.replace(/-photos$/, ""));
    const ofLeft = database.endsWith("-photos") && (this.ended || this.left.has(database.replace(/-photos$/, "")));
    if (ofLeft && photographed) return this.review(body, photographed);
    if (this.ended) return Response.json({ error: "access-ended", reason: "" }, { status: 401 });
    if (database === `${this.database}-photos`) return this.takePhotos(body);
    if (/^\/api\/photos\/\w+\/withdraw$/.test(url.pathname)) {
      const gone = this.photos.delete(`photo:${url.pathname.split("/")[3]}`);
      return gone ? new Response(null, { status: 204 }) : Response.json({ error: "not-found", reason: "" }, { status: 404 });
    }
    if (database && database !== this.database) return Response.json({ error: "not-yours", reason: "" }, { status: 403 });
    if (url.pathname === "/api/sign-in" || url.pathname === "/api/enrol") return Response.json({ ...this.session(person, device), escrow });
    if (url.pathname === "/api/invitation") return Response.json({ person, phone: body.device === undefined ? "" : this.phone });
    if (url.pathname === "/api/hello") return Response.json(this.hello(this.session(person, device), body));
    if (url.pathname === "/api/outcomes") return Response.json(this.outcomes);
    if (url.pathname.startsWith("/catalog/")) return Response.json({ services: [] });
    if (url.pathname === "/api/sign-out") return new Response(null, { status: 204 });
    if (url.pathname.endsWith("/_changes")) return Response.json(this.changes(url));
    if (url.pathname.endsWith("/_snapshot")) return this.chunk(url);
    if (url.pathname.endsWith("/_bulk_get")) return Response.json(this.bulkGet(body));
    if (url.pathname.endsWith("/_bulk_docs")) return this.bulkDocs(body);
    return Response.json({ error: "not-found", reason: "" }, { status: 404 });
  }

  private changes(url: URL) {
    const since = parseInt(url.searchParams.get("since") ?? "0", 10);
    const limit = Number(url.searchParams.get("limit") ?? 1e9);
    const rows = [...this.seqs].filter(([, seq]) => seq > since).sort((a, b) => a[1] - b[1]);
    const page = rows.slice(0, limit);
    const isDeleted = (id: string) => this.leaves(id).every((rev) => this.documents.get(id)?.get(rev)?._deleted);
    const results = page.map(([id, seq]) => ({
      ...{ id, seq: `${seq}-x`, changes: this.leaves(id).map((rev) => ({ rev })) },
      ...(isDeleted(id) && { deleted: true }),
    }));
    return { results, last_seq: `${page.at(-1)?.[1] ?? since}-x`, pending: rows.length - page.length };
  }

  private chunk(url: URL): Response {
    url.searchParams.set("limit", String(this.chunkOf));
    const { results, last_seq, pending } = this.changes(url);
    const docs = results.flatMap(({ id, changes }) => changes.map(({ rev }) => this.documents.get(id)?.get(rev)));
    const text = JSON.stringify({ docs, last_seq, pending });
    const headers = { "Content-Length": String(text.length), [pending ? "X-GTN-Next" : "X-GTN-End"]: last_seq };
    return new Response(text, { headers });
  }

  private async review({ docs }: { docs: Body[] }, known: Map<string, Map<string, Body>>): Promise<Response> {
    await this.during();
    const late = docs.filter(({ _id, _rev }) => !known.get(_id)?.has(_rev));
    for (const one of late) this.reviewed.set(`${one._id} ${one._rev}`, one);
    const named = late.map(({ _id: id, _rev: rev }) => ({ id, rev, error: "forbidden", code: "left-unit", reason: "Gửi về phường" }));
    return Response.json(named, { status: 201, headers: { "X-GTN-Time": "2026-05-01T01:02:03.004Z" } });
  }

  private async takePhotos({ docs }: { docs: Body[] }): Promise<Response> {
    await this.during();
    for (const { _id, _rev } of docs) this.arrivals.set(`${_id} ${_rev}`, (this.arrivals.get(`${_id} ${_rev}`) ?? 0) + 1);
    const refused = docs.filter((one) => this.refuses(one));
    for (const one of docs) if (!refused.includes(one)) this.photos.set(one._id, one);
    const named = refused.map(({ _id: id, _rev: rev }) => ({ id, rev, error: "forbidden", code: "photo-metadata", reason: "Còn kèm nơi chụp" }));
    return Response.json(named, { status: 201, headers: { "X-GTN-Time": "2026-05-01T01:02:03.004Z" } });
  }

  private bulkGet({ docs }: { docs: { id: string; rev: string }[] }) {
    const one = ({ id, rev }: { id: string; rev: string }) => {
      const ok = this.documents.get(id)?.get(rev);
      return { id, docs: [ok ? { ok } : { error: { id, rev, error: "not_found" } }] };
    };
    return { results: docs.map(one) };
  }

  private async bulkDocs({ docs }: { docs: Body[] }): Promise<Response> {
    await this.during();
    const refused = docs.filter((one) => this.erased.has(one._id) || this.refuses(one));
    for (const document of docs) {
      const mark = `${document._id} ${document._rev}`;
      this.arrivals.set(mark, (this.arrivals.get(mark) ?? 0) + 1);
      if (!refused.includes(document)) this.put(document);
    }
    const named = refused.map(({ _id: id, _rev: rev }) => ({
      ...{ id, rev, error: "forbidden" },
      ...(this.erased.has(id) ? { code: "erased", reason: "Đã xóa theo yêu cầu" } : { code: "not-yours", reason: "Không phải của tổ" }),
    }));
    return Response.json(named, { status: 201, headers: { "X-GTN-Time": "2026-05-01T01:02:03.004Z" } });
  }
}
