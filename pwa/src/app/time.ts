/** Days and hours as people here say them: Vietnam's time, dd/mm, 24 hours. */
import { dayOf, today } from "../data";
import { language, t } from "../texts";

const zone = "Asia/Ho_Chi_Minh";

/** 14:03 */
export function clock(instant: string): string {
  return new Intl.DateTimeFormat("vi-VN", { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: zone }).format(
    new Date(instant),
  );
}

/** The day `days` after a day, both yyyy-mm-dd. */
export function addDays(day: string, days: number): string {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
}

/** The Monday of the week that a day is in. */
export function weekStart(day: string): string {
  return addDays(day, -((new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7));
}

/** 23/11, with the year when it is another one. */
export function shortDay(day: string): string {
  const [year = "", month = "", date = ""] = day.split("-");
  return year === today().slice(0, 4) ? `${date}/${month}` : `${date}/${month}/${year}`;
}

/** hôm nay, hôm qua, ngày mai, or 23/11 */
export function relativeDay(day: string): string {
  const now = today();
  if (day === now) return t("time.today");
  if (day === addDays(now, -1)) return t("time.yesterday");
  if (day === addDays(now, 1)) return t("time.tomorrow");
  return shortDay(day);
}

/** 14:03 for today, else "hôm qua 14:03", "20/11 14:03" */
export function moment(instant: string): string {
  const day = dayOf(instant);
  return day === today() ? clock(instant) : `${relativeDay(day)} ${clock(instant)}`;
}

/** Thứ Hai, 23/11 */
export function longDay(day: string): string {
  const name = new Intl.DateTimeFormat(language.value === "en" ? "en-GB" : "vi-VN", { weekday: "long", timeZone: "UTC" });
  return `${name.format(new Date(`${day}T00:00:00Z`))}, ${shortDay(day)}`;
}

/** Made once: on a slow phone making one takes as long as drawing a row. */
const numbers = { vi: new Intl.NumberFormat("vi-VN"), en: new Intl.NumberFormat("en-GB") };

/** 1.234 */
export function number(value: number): string {
  return numbers[language.value].format(value);
}
