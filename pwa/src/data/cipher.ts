/** Values sealed with the phone's data key: AES-GCM with a fresh random nonce for each (NIST SP 800-38D, 8.2.2). */
export interface Sealed {
  iv: Uint8Array<ArrayBuffer>;
  data: ArrayBuffer;
}

export const NONCE = 12; // bytes

export class Cipher {
  private constructor(private readonly key: CryptoKey) {}

  /** @param raw 32 bytes; the key made of them can be used but not read */
  static async of(raw: BufferSource): Promise<Cipher> {
    return new Cipher(await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]));
  }

  seal(value: unknown): Promise<Sealed> {
    return this.sealBytes(new TextEncoder().encode(JSON.stringify(value)));
  }

  async open<T>(sealed: Sealed): Promise<T> {
    return JSON.parse(new TextDecoder().decode(await this.openBytes(sealed))) as T;
  }

  async sealBytes(bytes: BufferSource): Promise<Sealed> {
    const iv = crypto.getRandomValues(new Uint8Array(NONCE));
    return { iv, data: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, this.key, bytes) };
  }

  /** @throws DOMException `OperationError` when another key has sealed it, or someone has changed it */
  openBytes({ iv, data }: Sealed): Promise<ArrayBuffer> {
    return crypto.subtle.decrypt({ name: "AES-GCM", iv }, this.key, data);
  }
}

export function isSealed(value: unknown): value is Sealed {
  return typeof value === "object" && value !== null && "iv" in value && "data" in value;
}
