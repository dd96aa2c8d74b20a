const isoInstant = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;

/** Whether the calendar has this day; month 1 to 12. `Date` lets 30 February roll over to March instead. */
export function isCalendarDay(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() + 1 === month && date.getUTCDate() === day;
}

/** `2025-03-30T18:00:00+01:00`, or with Z, in ms since 1970; undefined for anything else and for days that do not exist. */
export function parseInstant(text: string): number | undefined {
  const [, year, month, day, hour] = isoInstant.exec(text) ?? [];
  if (year === undefined || Number(hour) > 23) return undefined;
  if (!isCalendarDay(Number(year), Number(month), Number(day))) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}
