/**
 * What waits, as a file: when sync never works, someone carries it to the ward.
 *
 * The format is that of server/phone_files.py. The key came from the server and lies in the vault; nobody on the way can
 * read the file or change it. Making one changes nothing here: the records wait until the server itself has answered.
 */
import type { Clock } from "./clock";
import type { Engine } from "./engine";
import type { Session } from "./types";

const SENTENCE =
  "Tệp này do ứng dụng Gõ Từng Nhà lưu ra, đã mã hóa. Xin chuyển cho tổ trưởng hoặc phường, không sửa gì trong tệp. · " +
  "Encrypted records of the Gõ Từng Nhà app, for the team lead or the ward; please change nothing.";

export interface HandedOver {
  file: File;
  records: number;
}

/** None when this phone has not been told its key yet: it is with the first greeting. */
export async function makeFile({ session, clock, engine }: { session: Session | null; clock: Clock; engine: Engine }): Promise<HandedOver | undefined> {
  if (!session?.file_key) return undefined;
  const docs = await engine.waitingDocuments();
  const at = clock.now();
  const plain = new TextEncoder().encode(JSON.stringify({ at, parts: [{ database: session.database, docs }] }));
  const packing = typeof CompressionStream === "undefined" ? "plain" : "gzip";
  const head = `GTN1 ${session.device} ${packing}`;
  const sealed = await seal(session.file_key, head, packing === "gzip" ? await pack(plain) : plain);
  const name = `go-tung-nha-${session.unit.code}-${at.slice(0, 16).replace(/\D/g, "")}.txt`;
  const text = `${SENTENCE}\n${head}\n${await toBase64(sealed)}\n`;
  return { file: new File([text], name, { type: "text/plain" }), records: docs.length };
}

const pack = (plain: BlobPart): Promise<ArrayBuffer> => new Response(new Blob([plain]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();

async function seal(key: string, head: string, plain: BufferSource): Promise<Blob> {
  const raw = Uint8Array.from(atob(key), (one) => one.charCodeAt(0));
  const cipher = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt"]);
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const additionalData = new TextEncoder().encode(head);
  return new Blob([iv, await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, cipher, plain)]);
}

async function toBase64(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let from = 0; from < bytes.length; from += 8190) text += btoa(String.fromCharCode(...bytes.subarray(from, from + 8190)));
  return text;
}
