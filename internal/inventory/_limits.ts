/** How long what is written may be: whoever reads a file that somebody else may have written holds it to the same. */

/** Of a text that explains something. Longer ones come from far ends that mean harm, or from paths without end. */
const MOST_MESSAGE_CHARACTERS = 16_384;

/** A message as it is kept: as long as anybody reads. */
export const boundedMessage = (text: string): string =>
  text.length <= MOST_MESSAGE_CHARACTERS ? text : `${text.slice(0, MOST_MESSAGE_CHARACTERS).toWellFormed()}…`;

/** Milliseconds since 1970 that Date can show. */
export const MOST_MILLISECONDS = 8.64e15;
export const MOST_NAME_BYTES = 4_096;
/** Trees may be deeper than PATH_MAX, and a byte that is no text takes four. */
export const MOST_PATH_BYTES = 1 << 20;
/** Above `MOST_MESSAGE_CHARACTERS` in UTF-8. */
export const MOST_TEXT_BYTES = 1 << 20;
/** The report of a scan names up to a hundred paths. */
export const MOST_REPORT_BYTES = 1 << 27;
/** Sums grow for ever: beyond what a double holds exactly, and beyond 64 bits, where SQLite keeps a double. */
export const MOST_SUM = 1e30;
