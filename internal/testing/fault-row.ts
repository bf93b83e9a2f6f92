/** What every kind of fault is counted by: one line of the table that scripts/faults prints. */
export interface FaultRow {
  /** The fault, in words: the row's name. */
  readonly fault: string;
  /** Cases that were run. */
  readonly tried: number;
  /** Cases that there are; left out where there is no end of them. */
  readonly of?: number;
  /** Of those, the ones in which the fault did come about. */
  readonly disturbed: number;
  /** Files under final names with contents that no version has. */
  readonly torn: number;
  /** Copies that were there before and are not any more. */
  readonly lost: number;
  /** Rows that say `current` of what is not so. */
  readonly falseCurrent: number;
  /** Cases in which anything at all was wrong. */
  readonly failed: number;
}

/** What scripts/faults passes to every kind. */
export interface FaultOptions {
  /** A small sample of the cases. */
  readonly quick: boolean;
  /** So many cases of each row, chosen by the seed; left out: all of them. */
  readonly cases?: number;
  /** Of all cases of each row a part only: the second of five, say. */
  readonly part?: { readonly number: number; readonly of: number };
  readonly seed: number;
  /** How long what goes by time goes on. */
  readonly minutes?: number;
  /** How many cases run side by side. */
  readonly jobs: number;
  /** Says how far it is, and what failed: one line. */
  readonly say: (line: string) => void;
}

/** One kind of fault: runs its cases. Rows in the order in which they are to be read. */
export type FaultKind = (options: FaultOptions) => Promise<readonly FaultRow[]>;

const HEAD = ["| fault | cases tried | disturbed | torn | lost | false `current` | failed |", "|---|---|---|---|---|---|---|"];

/** A row as the README shows it. A kind of many hours says each when it is there: who breaks the run off has those. */
export const faultLine = ({ fault, tried, of = tried, disturbed, torn, lost, falseCurrent, failed }: FaultRow): string =>
  `| ${[fault, tried < of ? `${tried} of ${of}` : tried, disturbed, torn, lost, falseCurrent, failed].join(" | ")} |`;

/** The rows as the README shows them. */
export const faultTable = (rows: readonly FaultRow[]): string => [...HEAD, ...rows.map(faultLine)].join("\n");
