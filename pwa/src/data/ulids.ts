/** ULIDs: 48 bits of milliseconds, 80 random bits, in Crockford's base 32 (github.com/ulid/spec). */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

export function newUlid(millis: number): string {
  let time = "";
  for (let left = millis; time.length < 10; left = Math.floor(left / 32)) time = ALPHABET.charAt(left % 32) + time;
  // 5 bits of each byte, so that all are equally likely
  return time + Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => ALPHABET.charAt(byte & 31)).join("");
}
