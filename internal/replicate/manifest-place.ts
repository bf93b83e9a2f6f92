/** Where the manifests of a replica lie. */
import { bytesOfText } from "../sys/mod.ts";
import { MANIFEST_FOLDER } from "../volume/mod.ts";

/** Hexadecimal digits of a manifest's name: no two directories of a host share one. */
const NAME_DIGITS = 32;
/** Of a temporary name. */
export const TEMPORARY_DIGITS = 16;

const digestOf = (path: string): string => new Bun.CryptoHasher("sha256").update(bytesOfText(path)).digest("hex");

/** The folder of a host's manifests, below the replica's root. */
export const manifestFolder = (host: string): string => `${MANIFEST_FOLDER}/${host}`;

/** The name of an origin directory's manifest there: always the same, also of a later inventory. A path may be longer than a name can be. */
export const manifestName = (directory: string): string => `${digestOf(directory).slice(0, NAME_DIGITS)}.sha256`;
