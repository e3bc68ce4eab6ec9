/** One flight as the data set has it. */
export interface RawFlight {
  /** `2001/01/01 00:47`, local time. */
  readonly date: string;
  /** Minutes; negative is early. */
  readonly delay: number;
  /** Miles. */
  readonly distance: number;
  readonly origin: string;
  readonly destination: string;
}

/** One flight as it is loaded. */
export interface Flight {
  /** Place in the data set, from 0: the key that makes a second load change nothing. */
  readonly id: number;
  /** `YYYY-MM-DD HH:MM`. */
  readonly departed: string;
  readonly delayMinutes: number;
  readonly distanceMiles: number;
  readonly origin: string;
  readonly destination: string;
  readonly late: boolean;
}

/** Later than this counts as late, minutes: the usual measure of punctuality. */
export const LATE_FROM_MINUTES = 15;

/** What is wrong with a record, or null. */
export function problemOf(flight: Partial<RawFlight>): string | null {
  if (typeof flight.date !== 'string' || !/^\d{4}\/\d{2}\/\d{2} \d{2}:\d{2}$/.test(flight.date)) return 'date is not YYYY/MM/DD HH:MM';
  if (Number.isNaN(Date.parse(`${flight.date.replaceAll('/', '-').replace(' ', 'T')}:00Z`))) return 'date is no day of the calendar';
  if (!Number.isInteger(flight.delay)) return 'delay is no whole number';
  if (!Number.isInteger(flight.distance) || Number(flight.distance) <= 0) return 'distance is no whole number above 0';
  if (!/^[A-Z0-9]{3}$/.test(flight.origin ?? '')) return 'origin is no airport code';
  if (!/^[A-Z0-9]{3}$/.test(flight.destination ?? '')) return 'destination is no airport code';
  if (flight.origin === flight.destination) return 'origin and destination are the same';
  return null;
}

export function transformed(raw: RawFlight, id: number): Flight {
  return {
    id,
    departed: raw.date.replaceAll('/', '-'),
    delayMinutes: raw.delay,
    distanceMiles: raw.distance,
    origin: raw.origin,
    destination: raw.destination,
    late: raw.delay > LATE_FROM_MINUTES,
  };
}
