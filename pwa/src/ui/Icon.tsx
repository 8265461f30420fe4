/** The icons, drawn on a 24-unit grid with a 2-unit line; they stand beside a word and are hidden from readers. */
const paths = {
  sun: "M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10zM12 1v2M12 21v2M1 12h2M21 12h2M4.2 4.2l1.4 1.4M18.4 18.4l1.4 1.4M4.2 19.8l1.4-1.4M18.4 5.6l1.4-1.4",
  houses: "M3 21V10l6-5 6 5v11zM15 12h6v9h-6M9 21v-6",
  book: "M4 4.5C7 3.5 10 4 12 6c2-2 5-2.5 8-1.5V19c-3-1-6-.5-8 1.5-2-2-5-2.5-8-1.5zM12 6v14",
  send: "M12 16V3M7 8l5-5 5 5M4 15v5h16v-5",
  check: "M4 12.5l5.5 5.5L20 6.5",
  door: "M5 21V3h14v18M2 21h20M15 12h.01",
  hand: "M7 12V6a1.5 1.5 0 0 1 3 0v5M10 10V4.5a1.5 1.5 0 0 1 3 0V10M13 10V6a1.5 1.5 0 0 1 3 0v5M16 11V8.5a1.5 1.5 0 0 1 3 0V15a7 7 0 0 1-12.5 4.3L3.6 15a1.6 1.6 0 0 1 2.5-2L7 14",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3.5 2",
  arrow: "M4 12h16M14 6l6 6-6 6",
  back: "M20 12H4M10 6l-6 6 6 6",
  forward: "M9 5l7 7-7 7",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L21 21",
  plus: "M12 4v16M4 12h16",
  minus: "M4 12h16",
  edit: "M4 20l1-5L16 4l4 4L9 19zM13.5 6.5l4 4",
  person: "M12 3.5a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4 21c.5-4.5 3.5-7 8-7s7.5 2.5 8 7",
  phone: "M5 3h4l2 5-2.5 2a12 12 0 0 0 5.5 5.5l2-2.5 5 2v4a2 2 0 0 1-2 2C10.5 20.5 3.5 13.5 3 5a2 2 0 0 1 2-2z",
  warning: "M12 3L1.8 20.5h20.4zM12 9.5v5M12 17.6v.01",
  cross: "M6 6l12 12M18 6L6 18",
  waiting: "M12 20V9M8 12.5L12 8.5l4 4M5 4h14",
  accepted: "M3 12.5l4.5 4.5L15 8M12.5 17l.5.5L22 8",
  refused: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7.5v5.5M12 16.3v.01",
  offline: "M3 3l18 18M5 12.5a10 10 0 0 1 4-2.4M2 8.8a15 15 0 0 1 4.5-2.9M11 5a15 15 0 0 1 11 3.8M15.5 10.5a10 10 0 0 1 3.5 2M8.5 16a5 5 0 0 1 6.5-.3M12 20v.01",
  refresh: "M20 5v5h-5M4 19v-5h5M5.5 9a7.5 7.5 0 0 1 13-2L20 10M18.5 15a7.5 7.5 0 0 1-13 2L4 14",
  calendar: "M4 5h16v16H4zM4 10h16M8 2.5V6M16 2.5V6",
  undo: "M8 5L3.5 9.5 8 14M4 9.5h10a6 6 0 0 1 0 12h-4",
  eye: "M2 12c2.5-4.5 6-7 10-7s7.5 2.5 10 7c-2.5 4.5-6 7-10 7s-7.5-2.5-10-7zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  camera: "M3 7h4l2-3h6l2 3h4v13H3zM12 9a4 4 0 1 0 0 8 4 4 0 0 0 0-8z",
  desk: "M2 10h20M4 10v10M20 10v10M7 10V6h5v4M4 15h16",
  city: "M3 21V9h7v12M10 21V3h11v18zM14 8h3M14 12h3M14 16h3M6 13h1M6 17h1",
  "id-card": "M2 5h20v14H2zM8 9.5a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM5 16.5c.5-1.3 1.5-2 3-2s2.5.7 3 2M14 10h5M14 14h4",
  document: "M5 2.5h9l5 5v14H5zM14 2.5v5h5M8.5 12.5h7M8.5 16.5h7",
  shield: "M12 2.5l8 3v6c0 5-3 8.5-8 10.5-5-2-8-5.5-8-10.5v-6zM8.5 12l2.5 2.5 4.5-5",
  heart: "M12 20.5C5 15.5 2.5 12 2.5 8.5a4.8 4.8 0 0 1 9.5-1 4.8 4.8 0 0 1 9.5 1c0 3.5-2.5 7-9.5 12z",
  wallet: "M3 6.5h15a3 3 0 0 1 3 3V18a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2zM3 6.5L15 3v3.5M16.5 13.5h.01",
  signature: "M3 19.5h18M4 15c2-8 6-13 7.5-11S9 14 9 14s2-4 4-4 0 4 2 4 2-2 5-2",
  bulb: "M9 18h6M10 21.5h4M8.5 14.5a6.5 6.5 0 1 1 7 0c-.8.6-1 1.5-1 3.5h-5c0-2-.2-2.9-1-3.5z",
  device: "M7 2h10v20H7zM11 18.5h2",
  note: "M4 4h16v12l-5 5H4zM15 21v-5h5M8 9h8M8 13h4",
  place: "M12 2.5a7 7 0 0 0-7 7c0 5 7 12 7 12s7-7 7-12a7 7 0 0 0-7-7zM12 7a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
  globe: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c3 3 3.5 6 3.5 9s-.5 6-3.5 9c-3-3-3.5-6-3.5-9s.5-6 3.5-9z",
  shop: "M4 10v11h16V10M2.5 9.5L5 3h14l2.5 6.5a3 3 0 0 1-4.8 1 3.2 3.2 0 0 1-4.7 0 3.2 3.2 0 0 1-4.7 0 3 3 0 0 1-4.8-1zM9 21v-6h6v6",
} as const;

export type IconName = keyof typeof paths;

/** An icon by its name; a name that a newer catalog brings and we do not know becomes a plain sheet. */
export function Icon({ name, large }: { name: IconName | (string & {}); large?: boolean | undefined }) {
  return (
    <svg class={large ? "icon icon-large" : "icon"} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={paths[name as IconName] ?? paths.document} />
    </svg>
  );
}
