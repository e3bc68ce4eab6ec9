const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** `24.1 MB`, `1.10 GB`: a thousand each, as disks and downloads count. */
export function bytesText(bytes: number): string {
  const power = Math.min(UNITS.length - 1, bytes < 1_000 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1_000 ** power;
  return `${power === 0 ? value : value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)} ${UNITS[power]}`;
}
