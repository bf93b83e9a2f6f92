/** The trees that are measured on; names, sizes and contents are the same in every run, but for large files, whose bytes are random. */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Contender, PROGRAM } from "./bench-measure.ts";

export const own = (...words: readonly string[]): Contender => ({ name: "xtelemdb", command: [PROGRAM, ...words] });

export const count = (files: number): string => files.toLocaleString("en");

export /** Files of 0 to 4 KiB with a content of their own; sizes and contents are the same in every run. */
function makeSmallFiles(tree: string, files: number, directories: number, size: (index: number) => number): void {
  const content = Buffer.alloc(4096);
  for (let index = 0; index < content.length; index++) content[index] = (index * 2_654_435_761) >>> 24;
  for (let directory = 0; directory < directories; directory++) {
    const path = join(tree, `camera${directory % 10}`, `night${directory}`);
    mkdirSync(path, { recursive: true });
    for (let index = directory; index < files; index += directories) {
      content.writeUInt32LE(index);
      writeFileSync(join(path, `image_${String(index).padStart(9, "0")}.xrif`), content.subarray(0, size(index)));
    }
  }
}

/** Files of random bytes, in one directory. */
export function makeLargeFiles(tree: string, files: number, bytes: number): void {
  mkdirSync(tree);
  const block = Buffer.alloc(1 << 20);
  for (let index = 0; index < files; index++) {
    const descriptor = openSync(join(tree, `image_${index}.xrif`), "w");
    for (let at = 0; at < bytes; at += block.length) {
      crypto.getRandomValues(block.subarray(0, 65_536));
      writeSync(descriptor, block);
    }
    closeSync(descriptor);
  }
}
