/** Putting the app on the home screen: where it must be there first, the browser's own question, the reminder. */
import { computed, signal } from "@preact/signals";
import { installed, isApple, isInstalled, offer } from "./installation";

const refused = "gtn-install-later";
/** iOS keeps the data of an installed app apart from Safari's, and lets any browser install since this version. */
const IOS_INSTALLS = [16, 4] as const;

const declined = signal(wasDeclined());
/** a reminder has its place: it can be installed here, and nobody has said "no more" */
export const reminds = computed(() => !installed.value && !declined.value && (offer.value !== null || isApple()));

/** Whether data taken here would be out of reach of the installed app, which the reader can have. */
export function mustInstallFirst(agent = navigator.userAgent, touches = navigator.maxTouchPoints, already = isInstalled()): boolean {
  if (already || !isApple(agent, touches)) return false;
  const [, major, minor = "0"] = /\bOS (\d+)_(\d+)/.exec(agent) ?? /\bVersion\/(\d+)\.(\d+)/.exec(agent) ?? [];
  if (major === undefined) return true;
  const [least, then] = IOS_INSTALLS;
  return Number(major) > least || (Number(major) === least && Number(minor) >= then);
}

/** Shows the browser's own question; an offer is good for one. */
export async function install(): Promise<boolean> {
  const given = offer.value;
  if (!given) return false;
  await given.prompt();
  const { outcome } = await given.userChoice;
  offer.value = null;
  return outcome === "accepted";
}

export function remindNoMore(): void {
  declined.value = true;
  try {
    localStorage.setItem(refused, "1");
  } catch {
    // a browser that forbids it reminds again, no more
  }
}

function wasDeclined(): boolean {
  try {
    return localStorage.getItem(refused) !== null;
  } catch {
    return false;
  }
}
