/**
 * The scenes of a sweep: what world the program works in, and whose system calls are struck.
 *
 * - local: two replicas on this machine; the program is struck.
 * - ssh: a local replica, one behind sftp, and an origin host behind sftp; what the program sends there is struck.
 * - far-end: the same world; the far end's sftp-server is struck.
 */
export const SCENES = ["local", "ssh", "far-end"] as const;

export type Scene = (typeof SCENES)[number];

export const isScene = (word: string): word is Scene => SCENES.some((scene) => scene === word);

/** Error numbers that a disk, a mount or a limit gives. */
export const ERRORS = ["EIO", "ENOSPC", "EDQUOT", "EACCES", "EROFS", "EINTR", "EMFILE", "ENOMEM", "ESTALE"] as const;

export type Fault = { readonly kind: "kill" } | { readonly kind: "error"; readonly code: (typeof ERRORS)[number] };

/** One moment of an undisturbed run. */
export interface FaultPoint {
  readonly scene: Scene;
  readonly call: string;
  /** The Nth call of a thread. */
  readonly when: number;
  /** It changes something; else it only looks. */
  readonly changes: boolean;
}

export interface FaultCase extends Omit<FaultPoint, "changes"> {
  readonly fault: Fault;
}

/** A case's name, by which it can be repeated: "renameat2:7:kill"; of another scene than the local one "ssh/sendto:3:EIO". */
export const caseName = ({ scene, call, when, fault }: FaultCase): string =>
  `${scene === "local" ? "" : `${scene}/`}${call}:${when}:${fault.kind === "kill" ? "kill" : fault.code}`;

/** The case of a name; undefined for what is none. */
export function caseOf(name: string): FaultCase | undefined {
  const [, scene = "local", call, when, word] = /^(?:([\w-]+)\/)?(\w+):(\d+):(\w+)$/.exec(name) ?? [];
  if (call === undefined || word === undefined || !isScene(scene)) return undefined;
  const code = ERRORS.find((known) => known === word);
  if (word !== "kill" && code === undefined) return undefined;
  return { scene, call, when: Number(when), fault: code === undefined ? { kind: "kill" } : { kind: "error", code } };
}
