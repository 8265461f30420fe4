/** The ward's content: one immutable file, kept in IndexedDB so that it is there offline. */
import type { AppStore } from "./app-store";
import type { Server } from "./server";
import type { Catalog } from "./types";

interface Kept {
  path: string;
  catalog: Catalog;
}

export class Catalogs {
  private path: string | undefined;

  constructor(
    private readonly store: AppStore,
    private readonly server: Server,
  ) {}

  async load(): Promise<Catalog | null> {
    const kept = await this.store.get<Kept>("values", "catalog");
    this.path = kept?.path;
    return kept?.catalog ?? null;
  }

  /** The catalog at this address, or null when it is the one that we have. */
  async fetch(path: string): Promise<Catalog | null> {
    if (path === this.path || !/^\/catalog\/[\w.-]+\.json$/.test(path)) return null;
    const { body } = await this.server.get<Catalog>(path);
    if (!Array.isArray(body?.services)) return null;
    await this.store.put("values", "catalog", { path, catalog: body } satisfies Kept);
    this.path = path;
    return body;
  }
}
