const LINE_FEED = 0x0a;
const MESSAGE_BEGINS = '\n[';

/**
 * The part of a stretch of a log that holds whole messages: further lines of a message begin with a tab, so a message begins where a line begins with `[`.
 * A message, or else a line, longer than the stretch is cut: somebody who reads on must get ahead.
 * @param isCut whether the log goes on beyond the stretch's begin and end; `growing`: its last line may still be written to
 */
export function wholeMessages(bytes: Buffer, isCut: { readonly before: boolean; readonly after: boolean | 'growing' }): { readonly from: number; readonly to: number } {
  const from = isCut.before ? beginOf(bytes) : 0;
  if (isCut.after === 'growing') return { from, to: Math.max(from, bytes.lastIndexOf(LINE_FEED) + 1) };
  return { from, to: isCut.after ? endOf(bytes, from) : bytes.length };
}

function beginOf(bytes: Buffer): number {
  const message = bytes.indexOf(MESSAGE_BEGINS);
  if (message >= 0) return message + 1;
  const line = bytes.indexOf(LINE_FEED);
  return line >= 0 && line + 1 < bytes.length ? line + 1 : 0;
}

function endOf(bytes: Buffer, from: number): number {
  const message = bytes.lastIndexOf(MESSAGE_BEGINS);
  if (message + 1 > from) return message + 1;
  const line = bytes.lastIndexOf(LINE_FEED);
  return line + 1 > from ? line + 1 : bytes.length;
}
