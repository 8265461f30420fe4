/** A picture from the camera or the gallery made small, and nothing but a picture: without place, time, camera or owner. */
export interface Picture {
  width: number;
  height: number;
  /** JPEG in Base64 */
  image: string;
  thumb: string;
}

/** What was chosen cannot be read as a picture. */
export class Unreadable extends Error {}

const EDGE = { image: 1600, thumb: 320 };
const BYTES = { image: 1_450_000, thumb: 38_000 }; // a little less than the server takes
const QUALITY = [0.8, 0.7, 0.6, 0.5, 0.4];

/** @throws Unreadable */
export async function shrink(file: Blob): Promise<Picture> {
  const bitmap = await createImageBitmap(file).catch((error: unknown) => {
    throw new Unreadable("no picture", { cause: error });
  });
  try {
    const image = await draw(bitmap, EDGE.image, BYTES.image);
    const thumb = await draw(bitmap, EDGE.thumb, BYTES.thumb);
    return { width: image.width, height: image.height, image: toBase64(image.bytes), thumb: toBase64(thumb.bytes) };
  } finally {
    bitmap.close();
  }
}

async function draw(bitmap: ImageBitmap, edge: number, most: number): Promise<{ bytes: Uint8Array; width: number; height: number }> {
  const scale = Math.min(1, edge / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale))) as [number, number];
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  if (!context) throw new Unreadable("no canvas");
  context.fillStyle = "#fff"; // behind what is transparent
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  for (const quality of QUALITY) {
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
    if (!blob || blob.type !== "image/jpeg") break;
    const bytes = bare(new Uint8Array(await blob.arrayBuffer()));
    if (bytes.length <= most) return { bytes, width, height };
  }
  throw new Unreadable("no JPEG that is small enough");
}

const [APP0, APP1, APP15, COMMENT, SCAN] = [0xe0, 0xe1, 0xef, 0xfe, 0xda];

/** A JPEG without the segments that some browsers add of their own accord (Exif, colour profiles), and with a bare header. */
export function bare(jpeg: Uint8Array): Uint8Array {
  const parts = [jpeg.subarray(0, 2)];
  let at = 2;
  while (jpeg[at] === 0xff) {
    const marker = jpeg[at + 1] as number;
    if (marker === SCAN) break;
    const end = at + 2 + (jpeg[at + 2] as number) * 256 + (jpeg[at + 3] as number);
    const added = (marker >= APP1 && marker <= APP15) || marker === COMMENT || (marker === APP0 && end - at !== 18);
    if (!added) parts.push(jpeg.subarray(at, end));
    at = end;
  }
  parts.push(jpeg.subarray(at));
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let to = 0;
  for (const part of parts) {
    whole.set(part, to);
    to += part.length;
  }
  return whole;
}

export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

/** For `src`; the content security policy allows pictures of this kind and none from elsewhere. */
export const address = (base64: string): string => `data:image/jpeg;base64,${base64}`;
