/**
 * Where each key and value of a TOML text stands. A small scanner of its own: the library tells the place of a syntax error, but not of a value. It
 * only runs on texts that the library has accepted, so it need not find mistakes; on any other it still comes to an end.
 */
import type { KeyPath } from "./_toml.ts";

export interface Place {
  /** Both from 1; columns count UTF-16 units, as editors do. */
  readonly line: number;
  readonly column: number;
}

export interface Positioned {
  readonly path: KeyPath;
  /** Offsets into the text: of the key (or of the array's element), and of the value; for a table header, of the header. */
  readonly keyAt: number;
  readonly valueAt: number;
  /** First offset after the value. */
  readonly end: number;
  readonly kind: "header" | "value";
}

const BARE = /[A-Za-z0-9_-]/;

class Scanner {
  readonly found: Positioned[] = [];
  #at = 0;

  constructor(private readonly text: string) {}

  scan(): readonly Positioned[] {
    let table: (string | number)[] = [];
    const arrays = new Map<string, number>();
    for (;;) {
      this.#skip(true);
      const start = this.#at;
      if (start >= this.text.length) return this.found;
      if (this.text[start] === "[") {
        const isArray = this.text[start + 1] === "[";
        this.#at += isArray ? 2 : 1;
        const keys = this.#keys();
        table = keys.map(({ key }) => key);
        if (isArray) {
          const name = JSON.stringify(table);
          const index = arrays.get(name) ?? 0;
          arrays.set(name, index + 1);
          table.push(index);
        }
        this.#at += isArray ? 2 : 1;
        this.#parts([], keys);
        this.found.push({
          path: table,
          keyAt: keys[keys.length - 1]?.at ?? start,
          valueAt: start,
          end: this.#at,
          kind: "header",
        });
      } else this.#assignment(table);
    }
  }

  #assignment(table: KeyPath): void {
    const keys = this.#keys();
    this.#skip(false);
    this.#at += 1;
    this.#skip(false);
    const path = [...table, ...keys.map(({ key }) => key)];
    const valueAt = this.#at;
    this.#parts(table, keys);
    const slot = this.found.push({ path, keyAt: keys[keys.length - 1]?.at ?? valueAt, valueAt, end: valueAt, kind: "value" }) - 1;
    this.#value(path);
    const entry = this.found[slot];
    if (entry !== undefined) this.found[slot] = { ...entry, end: this.#at };
  }

  /** Dotted keys make tables on the way; their place is their own part of the key. */
  #parts(table: KeyPath, keys: readonly { key: string; at: number }[]): void {
    const path = [...table];
    for (const { key, at } of keys.slice(0, -1)) {
      path.push(key);
      this.found.push({ path: [...path], keyAt: at, valueAt: at, end: at, kind: "header" });
    }
  }

  /** Skips blanks and comments, and line ends too where they mean nothing. */
  #skip(lines: boolean): void {
    for (;;) {
      const character = this.text[this.#at];
      if (
        character === " " ||
        character === "\t" ||
        (lines && (character === "\n" || character === "\r" || character === "\ufeff"))
      )
        this.#at += 1;
      else if (character === "#" && lines) {
        while (this.#at < this.text.length && this.text[this.#at] !== "\n") this.#at += 1;
      } else return;
    }
  }

  #keys(): { key: string; at: number }[] {
    const keys: { key: string; at: number }[] = [];
    for (;;) {
      this.#skip(false);
      const at = this.#at;
      const quote = this.text[at];
      if (quote === '"' || quote === "'") {
        this.#string();
        const raw = this.text.slice(at, this.#at);
        keys.push({ key: quote === "'" ? raw.slice(1, -1) : unescapeBasic(raw.slice(1, -1)), at });
      } else {
        while (BARE.test(this.text[this.#at] ?? "")) this.#at += 1;
        keys.push({ key: this.text.slice(at, this.#at), at });
      }
      this.#skip(false);
      if (this.text[this.#at] !== ".") return keys;
      this.#at += 1;
    }
  }

  #string(): void {
    const quote = this.text[this.#at] ?? "";
    const triple = this.text.startsWith(quote.repeat(3), this.#at);
    const close = triple ? quote.repeat(3) : quote;
    this.#at += close.length;
    while (this.#at < this.text.length && !this.text.startsWith(close, this.#at))
      this.#at += quote === '"' && this.text[this.#at] === "\\" ? 2 : 1;
    this.#at += close.length;
    // Up to two quotes may stand right before the closing three.
    while (triple && this.text[this.#at] === quote) this.#at += 1;
  }

  #value(path: KeyPath): void {
    const character = this.text[this.#at];
    if (character === '"' || character === "'") this.#string();
    else if (character === "[") this.#array(path);
    else if (character === "{") this.#inlineTable(path);
    else while (this.#at < this.text.length && !/[,\]}\n#]/.test(this.text[this.#at] ?? "")) this.#at += 1;
  }

  #array(path: KeyPath): void {
    this.#at += 1;
    for (let index = 0; ; index++) {
      this.#skip(true);
      if (this.text[this.#at] === "]" || this.#at >= this.text.length) break;
      const valueAt = this.#at;
      this.#value([...path, index]);
      this.found.push({ path: [...path, index], keyAt: valueAt, valueAt, end: this.#at, kind: "value" });
      this.#skip(true);
      if (this.text[this.#at] === ",") this.#at += 1;
    }
    this.#at += 1;
  }

  #inlineTable(path: KeyPath): void {
    this.#at += 1;
    for (;;) {
      this.#skip(true);
      if (this.text[this.#at] === "}" || this.#at >= this.text.length) break;
      this.#assignment(path);
      this.#skip(true);
      if (this.text[this.#at] === ",") this.#at += 1;
    }
    this.#at += 1;
  }
}

/** The escapes of a basic string (https://toml.io/en/v1.0.0#string). */
function unescapeBasic(raw: string): string {
  return raw.replaceAll(/\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|(.))/g, (_, short, long, byte, single) => {
    const hex = short ?? long ?? byte;
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return { b: "\b", t: "\t", n: "\n", f: "\f", r: "\r", e: "\u001b" }[single as string] ?? single;
  });
}

/** Every key and value of a text that is TOML, in the order in which they stand. */
export const positionsIn = (text: string): readonly Positioned[] => new Scanner(text).scan();

export function placeAt(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return { line, column: offset - (before.lastIndexOf("\n") + 1) + 1 };
}

const samePath = (a: KeyPath, b: KeyPath): boolean =>
  a.length === b.length && a.every((part, index) => String(part) === String(b[index]));

/** Where the key of a path stands, or its value; the nearest enclosing place when it stands nowhere itself. */
export function placeOf(text: string, positions: readonly Positioned[], path: KeyPath, what: "key" | "value"): Place {
  for (let length = path.length; length > 0; length--) {
    const wanted = path.slice(0, length);
    const found = positions.find((positioned) => samePath(positioned.path, wanted));
    if (found !== undefined) {
      const exact = length === path.length && found.kind === "value" && what === "value";
      return placeAt(text, exact ? found.valueAt : found.keyAt);
    }
    // A table that only exists through a deeper header, such as "hosts" of [hosts.exao1].
    const through = positions.find((positioned) => samePath(positioned.path.slice(0, length), wanted));
    if (through !== undefined) return placeAt(text, through.keyAt);
  }
  return { line: 1, column: 1 };
}
