/** Names of temporary files: the only files at a replica that the agent may ever remove (law 1). */
const PATTERN = /^\.xtelemdb-[0-9a-f]{16}(?:\.part|(?:-[0-9a-f]{8})?\.partial)$/;
const PARTIAL = /^\.xtelemdb-[0-9a-f]{16}\.partial$/;
const SET_APART = /^(\.xtelemdb-[0-9a-f]{16})-[0-9a-f]{8}\.partial$/;

/** Random digits of a `TemporaryNames`. */
export const TEMPORARY_HEX_BYTES = 4;

export const temporaryName = (hex: string): string => `.xtelemdb-${hex}.part`;

/**
 * A temporary file that a later run may go on with. `hex`: made of the final name and of the size and time of the source, so that who wants to write the same
 * again finds it, and nobody else does.
 */
export const partialName = (hex: string): string => `.xtelemdb-${hex}.partial`;

export const isPartialName = (name: string): boolean => PARTIAL.test(name);

/** Where a finished file of such a name waits for its final one: nobody writes under this name, and no later run gives it again. `hex`: 8 digits of chance. */
export const setApartName = (partial: string, hex: string): string => partial.replace(/\.partial$/, `-${hex}.partial`);

/** The name that a file had before it was set apart; undefined of every other name. */
export function nameBeforeSetApart(name: string): string | undefined {
  const [, stem] = SET_APART.exec(name) ?? [];
  return stem === undefined ? undefined : `${stem}.partial`;
}

export const isTemporaryName = (name: string): boolean => name.startsWith(".") && PATTERN.test(name);

const FULL = 0xf;

/** Where a file is put aside while another one, of this temporary name, gets its name: always the same, so that the next run takes away what one that was cut off has left. */
export const asideName = (temporary: string): string =>
  temporary.replace(/[0-9a-f]{16}/, (hex) =>
    Array.from(hex, (digit) => (FULL - Number.parseInt(digit, 16)).toString(16)).join(""),
  );

/** One name after the other, for who writes many files: half chance (`hex`: 8 digits), half a count. Whoever creates one creates it exclusively. */
export class TemporaryNames {
  #count = 0;

  constructor(private readonly hex: string) {}

  next(): string {
    this.#count += 1;
    return temporaryName(this.hex + this.#count.toString(16).padStart(8, "0"));
  }
}
