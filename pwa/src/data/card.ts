/**
 * The volunteer's card: its code of the day is made here, without a network, by the same rule as on the server
 * (`server/cards.py`): HOTP (RFC 4226) with SHA-256, whose counter is the day in Vietnam as text.
 */
const DIGITS = 6;

/** Six digits for a day, yyyy-mm-dd. */
export async function codeOf(secret: string, day: string): Promise<string> {
  const utf8 = new TextEncoder();
  const key = await crypto.subtle.importKey("raw", utf8.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const digest = new DataView(await crypto.subtle.sign("HMAC", key, utf8.encode(day)));
  const at = digest.getUint8(digest.byteLength - 1) & 0x0f;
  const number = digest.getUint32(at) & 0x7fffffff;
  return String(number % 10 ** DIGITS).padStart(DIGITS, "0");
}
