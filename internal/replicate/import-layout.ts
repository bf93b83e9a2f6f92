/**
 * What the folders of a backup stand for. The first name below its root is a host, or an alias of one; what follows is the origin path, as it is or by rules. The three
 * layouts that old backups have are sets of such rules.
 */
import { type Host, hostName, type Replica, type Rewrite, rewritten } from "../config/mod.ts";

export interface ImportLayout {
  /** The names and aliases of the declared hosts, each with the host's name. */
  readonly hosts: ReadonlyMap<string, string>;
  /** A first name that is none of them is a host of its own; else it is outside. */
  readonly takesAnyHost: boolean;
  /** The one with the longest `from` counts. */
  readonly rewrites: readonly Rewrite[];
  /** A path that no rule is for stays as it is; else it is outside. */
  readonly takesAnyPath: boolean;
}

const MAGAO_X = "/opt/MagAOX";

/** Those with `/opt/MagAOX` left out, and what has it nevertheless. */
const SHORT: readonly Rewrite[] = [
  ...["/logs", "/rawimages", "/telem"].map((folder) => ({ from: folder, to: `${MAGAO_X}${folder}` })),
  { from: MAGAO_X, to: MAGAO_X },
];

/** The layout of a replica as it is declared. */
export function layoutOf(
  hosts: readonly Pick<Host, "name" | "aliases">[],
  { importLayout, importRewrites }: Pick<Replica, "importLayout" | "importRewrites">,
): ImportLayout {
  const own = new Set(importRewrites.map(({ from }) => from));
  const preset = importLayout === "short" ? SHORT.filter(({ from }) => !own.has(from)) : [];
  return {
    hosts: new Map(hosts.flatMap(({ name, aliases }) => [name, ...aliases].map((known): [string, string] => [known, name]))),
    takesAnyHost: importLayout === "hostname",
    rewrites: [...importRewrites, ...preset].toSorted((a, b) => b.from.length - a.from.length),
    takesAnyPath: importLayout !== "short",
  };
}

/** The host that a top-level folder stands for; undefined when it stands for none. */
export function hostOf({ hosts, takesAnyHost }: ImportLayout, folder: string): string | undefined {
  const known = hosts.get(folder);
  if (known !== undefined || !takesAnyHost) return known;
  return folder.startsWith(".") ? undefined : hostName(folder).unwrapOr(undefined);
}

/** The origin path of a path below a host's folder ("/" is the folder itself); undefined when it has none. */
export function originPathOf({ rewrites, takesAnyPath }: ImportLayout, path: string): string | undefined {
  for (const rule of rewrites) {
    const origin = rewritten(path, rule);
    if (origin !== undefined) return origin;
  }
  return takesAnyPath ? path : undefined;
}

/** May anything below this path have an origin? */
export const leadsToOrigins = (layout: ImportLayout, path: string): boolean =>
  originPathOf(layout, path) !== undefined || layout.rewrites.some(({ from }) => path === "/" || from.startsWith(`${path}/`));
