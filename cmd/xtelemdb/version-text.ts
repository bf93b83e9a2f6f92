import packageJson from "../../package.json";

/** Set by scripts/build. */
declare const XTELEMDB_COMMIT: string;

export const VERSION: string = packageJson.version;
export const COMMIT: string = typeof XTELEMDB_COMMIT === "string" ? XTELEMDB_COMMIT : "unknown";

/** As people read it. */
export const VERSION_LINE = `xtelemdb ${VERSION} (${COMMIT})`;
