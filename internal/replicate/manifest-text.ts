/**
 * The text of a manifest. Without xtelemdb, `cd VOLUME && sha256sum --check .xtelemdb-manifest/*\/*.sha256` reads the copies back and compares them: sha256sum leaves out
 * lines that begin with "#", and for each copy there are two lines, what is known of it, and its digest and path as sha256sum writes them:
 *
 *     #: CRC SIZE MTIME KEPT STATE COPIED VERIFIED IMPORTED CREATED [held]
 *     DIGEST  exao1/opt/MagAOX/logs/x.log
 *
 * A copy that nobody has read has "#-" in the place of the digest. MTIME is the source's, KEPT what this volume keeps of it where that is another (seconds since 1970, a dot, nine
 * digits); COPIED, VERIFIED and CREATED are milliseconds since 1970; "-" is what is not known; "held" is a copy that its source has gone back behind. CRC is the CRC-32 of all that follows it in both lines: a damaged
 * line is known as one, and spoils no other. Names are the bytes that they are on the disk, with backslash, line feed and carriage return escaped as by sha256sum.
 */
import { FILE_REPLICA_STATES, IMPORT_STATES, type ManifestCopy } from "../inventory/mod.ts";
import { bytesOfText, textOfBytes } from "../sys/mod.ts";

/** Of which directory a manifest tells. */
export interface ManifestSubject {
  readonly host: string;
  /** The origin path. */
  readonly directory: string;
}

const NONE = "-";
const HELD = " held";
const LINE_FEED = 0x0a;
const ESCAPED = /[\\\n\r]/;
const EACH_ESCAPED = /[\\\n\r]/g;
const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r" };

const escapePath = (path: string): string =>
  ESCAPED.test(path) ? path.replaceAll(EACH_ESCAPED, (character) => ESCAPES[character] ?? character) : path;

const unescapePath = (path: string): string =>
  path.replace(/\\([\\nr])/g, (_, letter: string) => (letter === "n" ? "\n" : letter === "r" ? "\r" : "\\"));

const timeText = ({ mtimeSeconds, mtimeNanoseconds }: { mtimeSeconds: number; mtimeNanoseconds: number }): string =>
  `${mtimeSeconds}.${String(mtimeNanoseconds).padStart(9, "0")}`;

const crcOf = (bytes: Uint8Array): string => Bun.hash.crc32(bytes).toString(16).padStart(8, "0");

const hex = (bytes: Uint8Array): string => bytes.toHex();

/** The lines that a manifest begins with. */
export const manifestHead = ({ host, directory }: ManifestSubject): Uint8Array =>
  bytesOfText(`# xtelemdb manifest, format 1; to check: cd to the root of this volume, sha256sum --check
# host ${escapePath(host)}
# directory ${escapePath(directory)}
#: crc size mtime kept state copied verified imported created
`);

/** The line that it ends with. */
export const manifestEnd = (copies: number): Uint8Array => bytesOfText(`# end ${copies}\n`);

/** A line of a file of ours: sha256sum takes a file without any digest for a mistake. */
export const plainLine = (digest: Uint8Array, path: string): Uint8Array => bytesOfText(`${digestLine(digest, path)}\n`);

function digestLine(digest: Uint8Array | undefined, path: string): string {
  const escaped = escapePath(path);
  const mark = escaped === path ? "" : "\\";
  return digest === undefined ? `#${mark}-  ${escaped}` : `${mark}${hex(digest)}  ${escaped}`;
}

/** The two lines of a copy, as text that `bytesOfText` makes bytes of. `path`: below the replica's root. */
export function manifestLines(copy: ManifestCopy, path: string): string {
  const { evidence, kept, state, copiedAt, verifiedAt, imported, createdAt, digest, held } = copy;
  const known = `${evidence.size} ${timeText(evidence)} ${kept === undefined ? NONE : timeText(kept)} ${state} ${copiedAt} ${verifiedAt ?? NONE} ${imported ?? NONE} ${createdAt ?? NONE}${held ? HELD : ""}`;
  const checked = `${known}\n${digestLine(digest, path)}`;
  return `#: ${crcOf(bytesOfText(checked))} ${checked}\n`;
}

const CRC_FROM = "#: ".length;
const CHECKED_FROM = "#: ........ ".length;

/** What a reader finds, in the order of the file. */
export type ManifestPiece =
  /** Its place is the folder that it lies in, also where a new copy would. */
  | { readonly kind: "copy"; readonly copy: ManifestCopy }
  /** Lines that are not what was written. `line` counts from 1. */
  | { readonly kind: "damaged"; readonly line: number };

/** Longer than any line that is written, and short enough to be held. */
const MOST_LINE_BYTES = 1 << 22;
/** Milliseconds since 1970 that Date can show. */
const MOST_MILLISECONDS = 8.64e15;

/** Reads a manifest as it comes, piece of file by piece of file. Holds no more than a line, and gives up a file that is none. */
export class ManifestReader {
  #rest = new Uint8Array(0);
  #line = 0;
  #known: Uint8Array | undefined;
  #isOurs = false;
  #copies = 0;
  #ended = false;
  #isGivenUp = false;

  constructor(private readonly subject: ManifestSubject) {}

  /** Nothing more of the file is of use: it is somebody else's, or a line of it never ends. */
  get isGivenUp(): boolean {
    return this.#isGivenUp || (this.#line >= HEAD_LINES && !this.#isOurs);
  }

  *take(bytes: Uint8Array): Generator<ManifestPiece> {
    if (this.isGivenUp) return;
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    let from = 0;
    for (let end = all.indexOf(LINE_FEED); end >= 0; end = all.indexOf(LINE_FEED, from)) {
      yield* this.#take(all.subarray(from, end));
      from = end + 1;
    }
    this.#rest = all.slice(from);
    if (this.#rest.length <= MOST_LINE_BYTES) return;
    this.#isGivenUp = true;
    yield { kind: "damaged", line: this.#line + 1 };
  }

  /** The file is over. */
  *end(): Generator<ManifestPiece> {
    if (!this.isGivenUp && (!this.#ended || this.#rest.length > 0)) yield { kind: "damaged", line: this.#line + 1 };
  }

  *#take(line: Uint8Array): Generator<ManifestPiece> {
    this.#line += 1;
    if (this.#line <= HEAD_LINES) yield* this.#head(line);
    else if (!this.#isOurs) return;
    else if (this.#known !== undefined) {
      const copy = copyOf(this.#known, line);
      this.#known = undefined;
      this.#copies += 1;
      if (copy !== undefined) yield copy;
      else {
        yield { kind: "damaged", line: this.#line - 1 };
        // The second line is missing, and this is the next one's first.
        if (isKnownLine(line)) this.#known = line.slice();
      }
    } else if (isKnownLine(line)) this.#known = line.slice();
    else if (textOfBytes(line) === `# end ${this.#copies}`) this.#ended = true;
    else if (line[0] === HASH) yield { kind: "damaged", line: this.#line };
  }

  /** A manifest of another directory, or of a later format, is none for us. */
  *#head(line: Uint8Array): Generator<ManifestPiece> {
    const { host, directory } = this.subject;
    const text = textOfBytes(line);
    const isRight =
      this.#line === 1
        ? text.startsWith("# xtelemdb manifest, format 1;")
        : this.#line === 2
          ? text === `# host ${escapePath(host)}`
          : this.#line === 3
            ? text === `# directory ${escapePath(directory)}`
            : text.startsWith("#: crc ");
    if (this.#line === 1) this.#isOurs = isRight;
    else this.#isOurs &&= isRight;
    if (!isRight) yield { kind: "damaged", line: this.#line };
  }
}

const HEAD_LINES = 4;
const SPACE = 0x20;
const HASH = 0x23;
const COLON = 0x3a;
const isKnownLine = (line: Uint8Array): boolean => line[0] === HASH && line[1] === COLON;

const TIME = "(-?\\d{1,16})\\.(\\d{9})";
const KNOWN = new RegExp(
  `^(\\d{1,16}) ${TIME} (?:${TIME}|-) ([a-z]+) (\\d{1,16}) (\\d{1,16}|-) ([a-z]+|-) (-?\\d{1,16}|-)(${HELD})?$`,
);
/** No name on a disk. */
const NO_NAME = /^\.{0,2}$|\0/;
const DIGEST = /^(#?)(\\?)([0-9a-f]{64}|-) {2}(.+)$/s;

function copyOf(known: Uint8Array, line: Uint8Array): ManifestPiece | undefined {
  if (known[CRC_FROM - 1] !== SPACE || known[CHECKED_FROM - 1] !== SPACE) return undefined;
  const checked = new Uint8Array(known.length - CHECKED_FROM + 1 + line.length);
  checked.set(known.subarray(CHECKED_FROM));
  checked[known.length - CHECKED_FROM] = LINE_FEED;
  checked.set(line, known.length - CHECKED_FROM + 1);
  if (crcOf(checked) !== textOfBytes(known.subarray(CRC_FROM, CRC_FROM + 8))) return undefined;
  const columns = KNOWN.exec(textOfBytes(known.subarray(CHECKED_FROM)));
  const named = DIGEST.exec(textOfBytes(line));
  if (columns === null || named === null) return undefined;
  const [, size, seconds, nanoseconds, keptSeconds, keptNanoseconds, stateText, copied, verified, importedText, created, held] =
    columns;
  const [, , mark, digest = "", escaped = ""] = named;
  const path = mark === "" ? escaped : unescapePath(escaped);
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (NO_NAME.test(name)) return undefined;
  const state = FILE_REPLICA_STATES.find((one) => one === stateText);
  const imported = IMPORT_STATES.find((one) => one === importedText);
  if (state === undefined || (imported === undefined && importedText !== NONE)) return undefined;
  if (![size, seconds, keptSeconds ?? 0, created === NONE ? 0 : created].every((text) => Number.isSafeInteger(Number(text))))
    return undefined;
  if (![copied, verified === NONE ? 0 : verified].every((text) => Number(text) <= MOST_MILLISECONDS)) return undefined;
  return {
    kind: "copy",
    copy: {
      name,
      place: path.slice(0, Math.max(0, path.lastIndexOf("/"))),
      evidence: { size: Number(size), mtimeSeconds: Number(seconds), mtimeNanoseconds: Number(nanoseconds) },
      kept:
        keptSeconds === undefined ? undefined : { mtimeSeconds: Number(keptSeconds), mtimeNanoseconds: Number(keptNanoseconds) },
      digest: digest === NONE ? undefined : Uint8Array.from(Buffer.from(digest, "hex")),
      state,
      copiedAt: Number(copied),
      verifiedAt: verified === NONE ? undefined : Number(verified),
      imported,
      createdAt: created === NONE ? undefined : Number(created),
      held: held !== undefined,
    },
  };
}
