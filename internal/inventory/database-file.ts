/** Whether a file can be a whole database at all, by its first bytes: asked before the rest of it is brought from anywhere (https://www.sqlite.org/fileformat.html#the_database_header). */

const MAGIC = new TextEncoder().encode("SQLite format 3\0");
const HEADER_BYTES = 100;
const PAGE_SIZE_AT = 16;
const PAGES_AT = 28;

/** Why it cannot be one; undefined when it can. A copy that this program wrote has as many bytes as it says. */
export function whyNoDatabase(head: Uint8Array, bytes: number): string | undefined {
  if (head.length < HEADER_BYTES || MAGIC.some((byte, index) => head[index] !== byte)) return "it is no database";
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const written = view.getUint16(PAGE_SIZE_AT);
  // A page of 64 KiB is written as 1.
  const said = (written === 1 ? 1 << 16 : written) * view.getUint32(PAGES_AT);
  return said === bytes ? undefined : `it has ${bytes} bytes, and says that it has ${said}`;
}
