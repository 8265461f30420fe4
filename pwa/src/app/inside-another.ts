/** Browsers inside other apps keep storage of their own, which they may empty: no data is taken there. */
import { isApple, isInstalled } from "./installation";

/** Zalo calls itself "Zalo/1.0", "Zalo android/…" or "Zalo iOS/…", with or without Android's mark of a WebView. */
const OTHERS = /\bZalo|\bFB(?:A[NV]\/|_IAB\b)|\bInstagram\b|\bLine\/|\bMicroMessenger\b|\bmusical_ly|\btrill_|\bTikTok|\bBytedanceWebview|; wv\)/;

/**
 * Whether this user agent is the browser within Zalo, Facebook, Messenger, Instagram, Line, WeChat, TikTok or an app
 * that does not give its name: on Android it bears a mark, on iPhones it lacks "Safari", as only installed apps do too.
 */
export function isInsideAnother(agent: string, installed = isInstalled()): boolean {
  return OTHERS.test(agent) || (isApple(agent) && !installed && !/\bSafari\//.test(agent));
}
