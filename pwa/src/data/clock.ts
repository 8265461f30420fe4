/** The phone's clock corrected by the server's, and the day in Vietnam. Instants are ISO 8601 in UTC with milliseconds. */
const VIETNAM = 7 * 3_600_000;

export class Clock {
  /** milliseconds that the server's clock is ahead of the phone's */
  offset = 0;

  constructor(private readonly read: () => number = Date.now) {}

  /** The phone's own clock, uncorrected. */
  raw(): string {
    return new Date(this.read()).toISOString();
  }

  /** The server's clock, as far as the last sync tells. */
  now(): string {
    return new Date(this.millis()).toISOString();
  }

  millis(): number {
    return this.read() + this.offset;
  }

  /** An instant for a register: now, and never before the one that it replaces. */
  after(earlier: string | undefined): string {
    const now = this.now();
    return earlier === undefined || earlier < now ? now : new Date(Date.parse(earlier) + 1).toISOString();
  }

  today(): string {
    return dayOf(this.now());
  }
}

/** The day in Vietnam (UTC+7), yyyy-mm-dd. */
export function dayOf(instant: string): string {
  return new Date(Date.parse(instant) + VIETNAM).toISOString().slice(0, 10);
}
