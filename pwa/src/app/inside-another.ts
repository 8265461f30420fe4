/** Browsers inside other apps keep storage of their own, which they may empty: no data is taken there. */
const OTHERS = /\bZalo\/|\bFBA[NV]\/|\bInstagram\b|\bLine\/|\bMicroMessenger\b|\bmusical_ly|\bTikTok|; wv\)/;

/** Whether this user agent is the browser within Zalo, Facebook, Messenger, Instagram, Line, WeChat, TikTok or an Android app. */
export function isInsideAnother(agent: string): boolean {
  return OTHERS.test(agent);
}

/** An address that makes Android open `href` in Chrome; undefined where that is of no use. */
export function chromeAddress(agent: string, href: string): string | undefined {
  const { protocol, host, pathname, hash } = new URL(href);
  if (!/Android/.test(agent) || protocol !== "https:") return undefined;
  return `intent://${host}${pathname}${hash}#Intent;scheme=https;package=com.android.chrome;end`;
}
