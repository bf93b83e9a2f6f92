/** Which version of a file stands there: enough to notice that it is another one, without reading it. */
import { statSync } from "node:fs";

/** To be taken before the file is read: what is written meanwhile shows as another one then. Follows links: a mounted configuration is often one. "" while there is none. */
export function configurationFingerprint(path: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch {
    return "";
  }
}
