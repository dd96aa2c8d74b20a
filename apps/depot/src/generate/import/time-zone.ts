/** A wall clock reading: year, month (1 to 12), day, hour, minute, second. */
export type LocalTime = readonly [number, number, number, number, number, number];

const minuteMs = 60_000;

/** Translates wall clocks of one IANA time zone into instants. */
export class TimeZone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;

  /** Throws a `RangeError` when the platform does not know the zone. */
  constructor(name: string) {
    this.name = name;
    this.#format = new Intl.DateTimeFormat('en-GB', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
  }

  /**
   * All instants (ms since 1970) at which clocks in this zone show `local`: none in the hour that spring skips, two in the
   * hour that autumn repeats, the earlier one first.
   */
  instantsOf(local: LocalTime): number[] {
    const asUtc = utcOf(local);
    // Offsets a day before and after bracket any change in between.
    const offsets = new Set([-1440, 1440].map((minutes) => this.#offsetMs(asUtc + minutes * minuteMs)));
    return [...offsets]
      .map((offset) => asUtc - offset)
      .filter((instant) => this.#offsetMs(instant) === asUtc - instant)
      .sort((a, b) => a - b);
  }

  #offsetMs(instant: number): number {
    const parts = new Map(
      this.#format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]),
    );
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
    const shown = utcOf([
      part('year'),
      part('month'),
      part('day'),
      part('hour'),
      part('minute'),
      part('second'),
    ]);
    return shown - Math.floor(instant / 1000) * 1000;
  }
}

export function utcOf([year, month, day, hour, minute, second]: LocalTime): number {
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
